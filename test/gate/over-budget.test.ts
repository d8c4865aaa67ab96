import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { loadPolicyFolder } from '../../policy-files/compile.ts';
import { budgetRoot } from '../../domain/execution/budgets.ts';
import { policyDigest, type PolicySet, type Rule } from '../../domain/policy/policy.ts';
import { activate, GOOD_BODY, startApi, type TestApi } from '../api/api.ts';
import { storeRequest } from '../api/rows.ts';
import { gatePolicyFolder, release } from './policies.ts';

let api: TestApi;
let agent: string;
beforeAll(async () => {
  api = await startApi({ KEYTURN_OPEN_REQUESTS: '2', KEYTURN_REHEARSALS_REFUSED: '3' });
  agent = await api.issuer.agentToken('agent-billing');
  const loaded = await loadPolicyFolder(gatePolicyFolder(), {
    KEYTURN_IDP_ISSUER: api.issuer.url,
    KEYTURN_SECOND_ISSUER: api.secondIssuer.url,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const policy = withBreakGlass(loaded.policy);
  await activate(api.databases, policy, policyDigest(policy));
});
afterEach(async () => {
  await api.db.query('delete from keyturn.rehearsal');
  await api.db.query(`update keyturn.request set status = 'cancelled'`);
});
afterAll(async () => {
  await api.stop();
});

function withBreakGlass(policy: PolicySet): PolicySet {
  const usual = policy.rules.find(({ effect, on, require }) => {
    return effect === 'review' && require !== null && on.action.includes(GOOD_BODY.action);
  });
  if (!usual?.require) throw new Error('The policy has no such rule.');
  const require = { ...usual.require, rule: 'emergency' };
  const rule: Rule = {
    ...usual,
    id: 'emergency',
    on: { action: [GOOD_BODY.action], env: null },
    when: 'true',
    break_glass: true,
    require,
  };
  return { ...policy, rules: [...policy.rules, rule] };
}

async function useRefused(times: number): Promise<void> {
  const { directory } = await api.context.directories.now(api.context.source.manager);
  const root = budgetRoot(directory, [
    { role: 'requester', issuer: api.issuer.url, subject: 'agent-billing' },
  ]);
  await api.db.query(
    `insert into keyturn.rehearsal (request, root, target, started_at, lease_until, ended_at, is_refused)
     select 'used-' || n, $1, 'another', at, at, at, true
       from generate_series(1, $2) n, lateral (select clock_timestamp() - interval '30 min' as at) began`,
    [root.id, times],
  );
}

describe('beyond the budget', () => {
  it('no key of a gate request is kept, however many are tried', async () => {
    for (const status of ['pending', 'pending'] as const) await storeRequest(api, { status });
    const keys = async (): Promise<unknown> =>
      (await api.db.query('select count(*)::int as n from keyturn.gate_answer')).rows[0];
    const before = await keys();
    const request = release('asked');
    for (const body of [
      request,
      { ...request, start: { not_before: new Date(Date.now() + 60_000).toISOString() } },
    ])
      expect(await api.create(agent, body, { 'idempotency-key': randomUUID() })).toMatchObject({
        status: 429,
        body: { code: 'over_budget' },
      });
    expect(await keys()).toEqual(before);
  });

  it.each([
    { what: 'a usual request', used: 3, change: {}, status: 429 },
    { what: 'a break-glass request', used: 3, change: { break_glass: true }, status: 202 },
    { what: 'a break-glass request after a few others', used: 8, change: { break_glass: true }, status: 429 },
  ])('$what is answered $status when $used were refused', async ({ used, change, status }) => {
    await useRefused(used);
    expect((await api.create(agent, { ...GOOD_BODY, ...change })).status).toBe(status);
  });
});
