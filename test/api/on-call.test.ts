import { afterAll, beforeAll, expect, it } from 'vitest';

import { createDataSource } from '../../database/data-source.ts';
import { recordOnCall } from '../../database/on-call.ts';
import type { Rotation } from '../../domain/calendar/rotation.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { RequestPage } from '../../contract/requests.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { ONE_DBA, SECRET_OF_PLAN, storeRequest } from './rows.ts';

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

/** What the paging service says of its rotation, as the worker hears it. */
async function hear(people: readonly string[]): Promise<void> {
  const source = createDataSource({
    url: api.databases.keyturn.worker,
    applicationName: 'test',
    poolSize: 1,
  });
  await source.initialize();
  const answer = {
    source: 'pager',
    schedule: 'S1',
    issuer: api.issuer.url,
    members: people,
    on_duty: people,
  };
  try {
    await recordOnCall(source.manager, answer);
  } finally {
    await source.destroy();
  }
}

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

it('the inbox shows what waits for who is on call to the person on call, and after the hand-over to the next', async () => {
  const id = await askOnCall({ ...api.policy, rotations: [rotation(['olga', 'dmitri'])] });
  expect(await inboxOf('olga')).toContain(id);
  expect(await inboxOf('dmitri')).not.toContain(id);
  const handedOver = { ...api.policy, rotations: [rotation(['dmitri', 'olga'])] };
  await activate(api.databases, handedOver, policyDigest(handedOver));
  expect(await inboxOf('olga')).not.toContain(id);
  expect(await inboxOf('dmitri')).toContain(id);
  // On call now, but not in the rotation when the request was made.
  const joined = { ...api.policy, rotations: [rotation(['petra', 'olga'])] };
  await activate(api.databases, joined, policyDigest(joined));
  expect(await inboxOf('petra')).not.toContain(id);
});

it('who is on call by a service sees in lists what policy withholds from those who are not asked', async () => {
  await hear(['omar']);
  const kept = [{ id: 'sre', source: 'pager', schedule: 'S1', maximum_staleness_ms: 600_000 }];
  const policy = { ...api.policy, polled_rotations: kept };
  await activate(api.databases, policy, policyDigest(policy));
  const requirement: Requirement = { ...ON_CALL, channels: 'summary' };
  const { id } = await storeRequest(api, { requirement, selectors: ['oncall:sre'] });
  const summaryFor = async (name: string): Promise<string | null | undefined> => {
    const token = await api.issuer.humanToken(name);
    const { body } = await api.http<RequestPage>({ path: '/v1/requests?limit=100', token });
    return body.items.find((item) => item.id === id)?.summary;
  };
  expect(String(await summaryFor('omar'))).toContain(SECRET_OF_PLAN);
  expect(await summaryFor('petra')).toBeNull();
});
