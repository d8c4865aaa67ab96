import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import type { Evidence, DirectoryPart } from '../../contract/evidence.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { storeDecision, storeRequest } from './rows.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
afterEach(async () => {
  await install(api.policy);
});

function install(policy: PolicySet): Promise<void> {
  return activate(api.databases, policy, policyDigest(policy));
}

/** The policy with some people's further accounts, and another owner of all agents where one is named. */
function policyWith(accounts: Readonly<Record<string, readonly string[]>>, owner?: string): PolicySet {
  const { directory } = api.policy;
  const people = directory.people.map((person) => {
    const subjects = accounts[person.id];
    return subjects === undefined
      ? person
      : { ...person, accounts: subjects.map((subject) => ({ issuer: api.issuer.url, subject })) };
  });
  const agents = directory.agents.map((agent) => (owner === undefined ? agent : { ...agent, owner }));
  return { ...api.policy, directory: { ...directory, people, agents } };
}

function accountsIn(part: DirectoryPart | undefined, person: string): readonly string[] | null {
  const found = part?.people.find(({ id }) => id === person);
  return found ? found.accounts.map(({ subject }) => subject) : null;
}

describe('the directories in the evidence of a request', () => {
  it('hold, at each time, all who are behind it at another: what was theirs then or is by now is their own', async () => {
    await install(policyWith({ dmitri: ['dmitri', 'shared'] }));
    const { id } = await storeRequest(api);
    await install(policyWith({ olga: ['olga', 'shared'], ada: ['ada-2'] }, 'dmitri'));
    await storeDecision(api, id, { person: 'olga', verdict: 'approve' });
    const token = await api.issuer.humanToken('omar');
    const { status, body } = await api.http<Evidence>({ path: `/v1/requests/${id}/evidence`, token });
    expect(status).toBe(200);
    const { inputs } = body;
    // Who owns the agent by now.
    expect(accountsIn(inputs?.directory_at_creation, 'dmitri')).toEqual(['dmitri', 'shared']);
    for (const part of inputs?.decisions[0]?.directories ?? []) {
      // Who owned it then, and has another account by now.
      expect(accountsIn(part, 'ada')).toEqual(['ada-2']);
      expect(accountsIn(part, 'dmitri')).toEqual(['dmitri']);
    }
    expect(inputs?.decisions[0]?.directories).toHaveLength(2);
    expect(accountsIn(inputs?.directory_at_creation, 'petra')).toBeNull();
  });
});
