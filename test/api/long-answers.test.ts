import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { activate, GOOD_BODY, startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await activate(api.databases, api.policy, policyDigest(api.policy));
});

/** Something that happens while a call waits, which then ends at once. */
function whileWaiting(happens: () => Promise<void>): void {
  const { feed } = api.context;
  const original = feed.waitFor.bind(feed);
  vi.spyOn(feed, 'waitFor').mockImplementation(async (waiting) => {
    await happens();
    return original({ ...waiting, timeoutMs: 0 });
  });
}

function changeDirectory(change: (policy: PolicySet) => PolicySet['directory']): () => Promise<void> {
  return async () => {
    const changed = { ...api.policy, directory: change(api.policy) };
    await activate(api.databases, changed, policyDigest(changed));
  };
}

const deactivate = (person: string) =>
  changeDirectory(({ directory }) => ({
    ...directory,
    people: directory.people.map((one) => (one.id === person ? { ...one, active: false } : one)),
  }));

/** Only their group makes dmitri one who decides. */
const leaveGroup = (person: string) =>
  changeDirectory(({ directory }) => ({
    ...directory,
    groups: directory.groups.map((group) => ({
      ...group,
      members: group.members.filter((member) => member !== person),
    })),
  }));

const own = (owner: string) =>
  changeDirectory(({ directory }) => ({
    ...directory,
    agents: directory.agents.map((agent) => ({ ...agent, owner })),
  }));

async function tokenEnds(): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 });
}

describe('an answer after a wait is for the caller as they are known then', () => {
  it.each([
    ['was deactivated', () => deactivate('dmitri'), 404],
    ['left the group that is asked', () => leaveGroup('dmitri'), 200],
    ['came to stand behind the request', () => own('dmitri'), 200],
    ['has a token that ended', () => tokenEnds, 401],
  ])('and shows no plan to one who meanwhile %s', async (_what, happens, status) => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.humanToken('dmitri');
    const before = await api.http({ path: `/v1/requests/${id}`, token });
    expect(before.body).toHaveProperty('plan');
    whileWaiting(happens());
    const polled = await api.http({ path: `/v1/requests/${id}?wait=15&version=99`, token });
    expect(polled.status).toBe(status);
    expect(polled.body).not.toHaveProperty('plan');
  });

  it('also where the request is made by the call', async () => {
    whileWaiting(tokenEnds);
    const token = await api.issuer.agentToken('agent-billing');
    const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=15' };
    const created = await api.create(token, GOOD_BODY, headers);
    expect(created).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });
});

it('a quiet event stream is kept alive by comments that end no event', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  const authorization = `Bearer ${await api.issuer.humanToken('olga')}`;
  const response = await fetch(`${api.url}/v1/events`, { headers: { authorization } });
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const readTo = async (end: string): Promise<void> => {
    while (!text.endsWith(end)) text += (await reader.read()).value ?? '';
  };
  await readTo('data: {}\n\n');
  for (const beats of [1, 2]) {
    await vi.advanceTimersByTimeAsync(15_000);
    await readTo(`data: {}\n\n${': still here\n'.repeat(beats)}`);
  }
  await reader.cancel();
});
