import { afterAll, beforeAll, expect, it } from 'vitest';

import { storeSweep } from '../../database/sweeps.ts';
import { policyDigest } from '../../domain/policy/policy.ts';
import type { SystemHealth } from '../../contract/system-health.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

const NOTHING = { orphaned: [], overdue: [], wedged: [], settled: [], hidden: [], unreceived: [] };
const DAY_MS = 86_400_000;

async function healthAs(name: string): Promise<SystemHealth> {
  const { status, body } = await api.http<SystemHealth>({
    path: '/v1/health',
    token: await api.issuer.humanToken(name),
  });
  expect(status).toBe(200);
  return body;
}

it('says which requests are past what may be waited for, and which do not move', async () => {
  const long = { createdAt: new Date(Date.now() - DAY_MS) };
  const [overdue, wedged, other] = [
    await storeRequest(api, { ...long, status: 'pending' }),
    await storeRequest(api, { ...long, status: 'executing' }),
    await storeRequest(api),
  ];
  const health = await healthAs('omar');
  expect(health.overdue).toContain(overdue.id);
  expect(health.wedged).toContain(wedged.id);
  expect(JSON.stringify(health)).not.toContain(other.id);
});

it('says when a worker swept last, and what was last found of each kind', async () => {
  expect(await healthAs('omar')).toMatchObject({ sweep: null, findings: [] });
  const { manager } = api.context.source;
  await api.db.query('grant insert, update on keyturn.sweep to keyturn_api');
  await storeSweep(manager, { ...NOTHING, checked: 7, orphaned: ['req_a', 'req_b'] });
  await storeSweep(manager, { ...NOTHING, checked: 8, orphaned: ['req_c'], hidden: ['req_d'] });
  await storeSweep(manager, { ...NOTHING, checked: 9 });
  const { sweep, findings, at } = await healthAs('omar');
  expect(sweep?.checked).toBe(9);
  expect(Date.parse(sweep?.at ?? '')).toBeLessThanOrEqual(Date.parse(at));
  expect(new Map(findings.map(({ what, requests }) => [what, requests]))).toEqual(
    new Map([
      ['hidden', ['req_d']],
      ['orphaned', ['req_c']],
    ]),
  );
});

it('says which freezes of the active policy are in force or to come, the next one first', async () => {
  const freeze = (id: string, from: number, to: number) => ({
    id,
    title: `Freeze ${id}`,
    from: new Date(Date.now() + from * DAY_MS).toISOString(),
    to: new Date(Date.now() + to * DAY_MS).toISOString(),
    environments: null,
    actions: null,
  });
  const policy = { ...api.policy, freezes: [freeze('a', 7, 8), freeze('b', -2, -1), freeze('c', -1, 1)] };
  await activate(api.databases, policy, policyDigest(policy));
  expect((await healthAs('omar')).freezes).toMatchObject([
    { id: 'c', is_in_force: true, actions: null },
    { id: 'a', is_in_force: false, from: policy.freezes[0]?.from },
  ]);
});

it('says that nobody takes work from the queues', async () => {
  const { queues } = await healthAs('omar');
  expect(queues).toMatchObject([
    { kind: 'workflow', workers: [] },
    { kind: 'activity', workers: [] },
  ]);
});
