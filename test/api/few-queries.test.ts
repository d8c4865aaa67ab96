import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { GOOD_BODY, startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';
import { statementsDuring } from './statements.ts';

/** How many queries the calls make that come most often: each is paid for twice, here and in the database. */

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function create(token: string): Promise<void> {
  const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=0' };
  const reply = await api.http({ path: '/v1/requests', token, body: GOOD_BODY, headers });
  expect(reply.status).toBe(202);
}

async function show(token: string, id: string): Promise<void> {
  expect((await api.http({ path: `/v1/requests/${id}`, token })).status).toBe(200);
}

it('three create a request that nobody waits for', async () => {
  const token = await api.issuer.agentToken('agent-billing');
  // The first call also compares the clocks.
  await create(token);
  expect(await statementsDuring(() => create(token))).toHaveLength(3);
});

it('five show a request to its reviewers, three to those behind it', async () => {
  const { id } = await storeRequest(api);
  const reviewer = await api.issuer.humanToken('olga');
  expect(await statementsDuring(() => show(reviewer, id))).toHaveLength(5);
  const agent = await api.issuer.agentToken('agent-billing');
  expect(await statementsDuring(() => show(agent, id))).toHaveLength(3);
});
