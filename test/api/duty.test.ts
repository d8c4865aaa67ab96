import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Rotation } from '../../domain/calendar/rotation.ts';
import { policyDigest, type PolicySet } from '../../domain/policy.ts';
import type { Requirement } from '../../domain/requirement.ts';
import type { RequestPage } from '../../domain/wire.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { ONE_DBA, storeRequest } from './rows.ts';

const HOUR_MS = 3_600_000;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

/** One week each; the first turn began some hours ago. */
function rotation(people: readonly string[]): Rotation {
  const start = new Date(Date.now() - HOUR_MS);
  return {
    id: 'sre',
    time_zone: 'UTC',
    hand_over: {
      day: (['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const)[start.getUTCDay()] ?? 'mon',
      time: start.toISOString().slice(11, 16),
    },
    starts_on: start.toISOString().slice(0, 10),
    people,
    overrides: [],
  };
}

const ON_CALL: Requirement = {
  ...ONE_DBA,
  rules: ONE_DBA.rules.map((rule) => ({
    ...rule,
    stages: [{ any: ['oncall:sre' as const], quorum: 1, escalate: [] }],
  })),
};

async function inboxOf(name: string): Promise<readonly string[]> {
  const token = await api.issuer.humanToken(name);
  const reply = await api.http<RequestPage>({ path: '/v1/inbox?limit=100', token });
  expect(reply.status).toBe(200);
  return reply.body.items.map((item) => item.id);
}

/** Makes this the active set, and a request made under it that the person on call decides. */
async function askOnCall(policy: PolicySet): Promise<string> {
  const digest = policyDigest(policy);
  await activate(api.databases, policy, digest);
  const { id } = await storeRequest(api, { requirement: ON_CALL, selectors: ['oncall:sre'] });
  await api.db.query('update keyturn.request set creation_policy_digest = $2 where id = $1', [id, digest]);
  return id;
}

it('the inbox shows what waits for who is on call to the person on duty, and after the hand-over to the next', async () => {
  const id = await askOnCall({ ...api.policy, rotations: [rotation(['olga', 'dmitri'])] });
  expect(await inboxOf('olga')).toContain(id);
  expect(await inboxOf('dmitri')).not.toContain(id);
  const handedOver = { ...api.policy, rotations: [rotation(['dmitri', 'olga'])] };
  await activate(api.databases, handedOver, policyDigest(handedOver));
  expect(await inboxOf('olga')).not.toContain(id);
  expect(await inboxOf('dmitri')).toContain(id);
  // On duty now, but not in the rotation when the request was made.
  const joined = { ...api.policy, rotations: [rotation(['petra', 'olga'])] };
  await activate(api.databases, joined, policyDigest(joined));
  expect(await inboxOf('petra')).not.toContain(id);
});

it('a set stored by a version without rotations is still read, and nobody is on call by it', async () => {
  const { calendars: _calendars, freezes: _freezes, rotations: _rotations, ...old } = api.policy;
  const ordinary = await storeRequest(api);
  const id = await askOnCall(old as PolicySet);
  expect(await inboxOf('olga')).toContain(ordinary.id);
  expect(await inboxOf('olga')).not.toContain(id);
});
