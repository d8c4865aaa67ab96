import { afterAll, beforeAll, expect, it } from 'vitest';

import { startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';
import { InSession } from './sign-in/in-session.ts';

let api: TestApi;
let sessions: InSession;
beforeAll(async () => {
  api = await startApi();
  sessions = new InSession(api);
});
afterAll(async () => {
  await api.stop();
});

it.each(['decisions', 'tickets'])('under a switch an approval is refused, and no denial (%s)', async (to) => {
  const { id, decisionDigest } = await storeRequest(api);
  const token = await api.issuer.humanToken('olga');
  const scope = { kind: 'target', value: 'shop' };
  await api.http({ path: '/v1/switches', token, body: { scope, reason: 'stop' } });
  const body = { decision_digest: decisionDigest, verdict: 'approve' };
  const path = `/v1/requests/${id}/${to}`;
  const reply = to === 'tickets' ? sessions.post(token, path, body) : api.http({ path, token, body });
  expect(await reply).toMatchObject({ status: 403, body: { code: 'switched_off' } });
  const denial = { ...body, verdict: 'deny' };
  expect((await sessions.post(token, `/v1/requests/${id}/tickets`, denial)).status).toBe(201);
});
