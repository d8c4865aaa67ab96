import { afterAll, beforeAll, expect, it } from 'vitest';

import type { UsualTimes } from '../../contract/usual-times.ts';
import { startApi, type TestApi } from './api.ts';
import { storeDecision, storeRequest, type StoredRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

const MINUTE_MS = 60_000;

async function usualTimes(
  token: string,
  query = 'action=postgres.execute&environment=prod',
): Promise<UsualTimes> {
  const reply = await api.http<UsualTimes>({ path: `/v1/usual-times?${query}`, token });
  expect(reply.status).toBe(200);
  return reply.body;
}

/** A request that two people answered, the second after so many minutes. */
async function decidedAfter(minutes: number, wanted: StoredRequest = {}): Promise<void> {
  const { id } = await storeRequest(api, { status: 'succeeded', ...wanted });
  for (const person of ['olga', 'dmitri']) {
    const decision = await storeDecision(api, id, { person, verdict: 'approve' });
    await api.db.query(
      `update keyturn.decision set at = first_pending_at + $2 * interval '1 min' from keyturn.request
        where decision.id = $1 and request.id = request`,
      [decision, person === 'olga' ? 0 : minutes],
    );
  }
}

it("are those of the last 30 days that people decided, in the same environment, and of so many that they are nobody's", async () => {
  const token = await api.issuer.agentToken('agent-billing');
  for (const minutes of [1, 2, 3, 4]) await decidedAfter(minutes);
  expect(await usualTimes(token)).toEqual({ decided: 4, median_ms: null, p90_ms: null });
  for (const minutes of [5, 6, 7, 8, 9, 10]) await decidedAfter(minutes, { status: 'denied' });
  await decidedAfter(11, { status: 'failed' });
  // Nobody decided these, or not yet, or long ago.
  await storeRequest(api, { status: 'denied', deniedBy: 'policy' });
  await decidedAfter(500, { status: 'pending' });
  await decidedAfter(500, { status: 'expired' });
  await decidedAfter(500, { createdAt: new Date(Date.now() - 31 * 24 * 60 * MINUTE_MS) });
  const found = { decided: 11, median_ms: 6 * MINUTE_MS, p90_ms: 10 * MINUTE_MS };
  expect(await usualTimes(token)).toEqual(found);
  expect(await usualTimes(await api.issuer.humanToken('ada'))).toEqual(found);
  const none = { decided: 0, median_ms: null, p90_ms: null };
  expect(await usualTimes(token, 'action=postgres.execute&environment=sandbox')).toEqual(none);
  expect(await usualTimes(token, 'action=another&environment=prod')).toEqual(none);
});

it('are for accounts of the directory', async () => {
  const token = await api.issuer.agentToken('a-stranger');
  const path = '/v1/usual-times?action=postgres.execute&environment=prod';
  expect(await api.http({ path, token })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  const known = await api.issuer.agentToken('agent-billing');
  expect((await api.http({ path: '/v1/usual-times?action=x', token: known })).status).toBe(400);
});
