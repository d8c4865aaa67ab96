import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { identityKey } from '../../domain/identity/identity.ts';
import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';
import { ENTRA, OKTA, writeScim } from './scim/provisioning.ts';

/** Calls that are much more work than others. */

let api: TestApi;
beforeAll(async () => {
  // Two calls at once, and one a second from then on.
  api = await startApi({ KEYTURN_API_RATE: '1' }, (issuer) => writeScim('costs', issuer));
  for (let index = 0; index < 60; index += 1) await storeRequest(api);
});
afterAll(async () => {
  await api.stop();
});

const LARGE = { action: 'x'.repeat(100_000) };

const DECISIONS = Array.from({ length: 50 }, (_, index) => ({
  id: `request ${index}`,
  decision_digest: `sha256:${'0'.repeat(64)}`,
  verdict: 'deny',
}));

function post(path: string, token: string): Promise<Reply> {
  return api.http({ path, token, body: LARGE, headers: { 'idempotency-key': randomUUID() } });
}

const EXPENSIVE: readonly (readonly [string, () => Promise<string>, (token: string) => Promise<Reply>])[] = [
  [
    'a list',
    () => api.issuer.agentToken('agent-billing'),
    (token) => api.http({ path: '/v1/requests?risk=critical', token }),
  ],
  [
    'a list that its reader sees more of',
    () => api.issuer.humanToken('omar'),
    (token) => api.http({ path: '/v1/requests?risk=critical&limit=1', token }),
  ],
  ['an inbox', () => api.issuer.humanToken('olga'), (token) => api.http({ path: '/v1/inbox', token })],
  [
    'a search of an inbox that finds nothing',
    () => api.issuer.humanToken('reviewer-02'),
    (token) => api.http({ path: '/v1/inbox?scope=all&limit=1&q=nothing', token }),
  ],
  [
    'many decisions at once',
    () => api.issuer.humanToken('reviewer-03'),
    (token) => api.http({ path: '/v1/decisions', token, body: { items: DECISIONS } }),
  ],
  ['a large body', () => api.issuer.agentToken('agent-dba'), (token) => post('/v1/requests', token)],
  [
    'a large body for nobody',
    () => api.issuer.agentToken('stranger'),
    (token) => post('/v1/evaluate', token),
  ],
  ['a large proposal', () => api.issuer.humanToken('petra'), (token) => post('/v1/policies', token)],
];

describe('what is as much work as many calls', () => {
  it('counts as many where somebody provisions: a large body', async () => {
    const users = (body?: unknown): Promise<Reply> =>
      api.http({ path: '/scim/v2/Users', token: OKTA, ...(body === undefined ? {} : { body }) });
    expect((await users(LARGE)).status).toBe(400);
    const next = await users();
    expect(next.status).toBe(429);
    expect(Number(next.headers.get('retry-after'))).toBeGreaterThan(5);
    const other = await api.http({ path: '/scim/v2/Users', token: ENTRA });
    expect(other.status).toBe(200);
  });

  it.each(EXPENSIVE)('counts as many: %s', async (_what, tokenOf, call) => {
    const token = await tokenOf();
    expect((await call(token)).status).not.toBe(429);
    const next = await api.http({ path: '/v1/actions', token });
    expect(next).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(next.headers.get('retry-after'))).toBeGreaterThan(5);
  });
});

it('one caller reads a few lists at once, and keeps nobody else from theirs', async () => {
  const [ada, other] = await Promise.all([
    api.issuer.humanToken('ada'),
    api.issuer.agentToken('agent-assistant'),
  ]);
  const name = identityKey({ issuer: api.issuer.url, subject: 'ada' });
  const releases = Array.from({ length: 4 }, () => api.context.limits.pages.take(name));
  const path = '/v1/requests?mine=true&status=denied';
  expect(await api.http({ path, token: ada })).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
  expect((await api.http({ path, token: other })).status).toBe(200);
  for (const release of releases) release();
  expect((await api.http({ path, token: ada })).status).toBe(200);
  expect(api.context.limits.pages.count).toBe(0);
});

it('of a policy by somebody who may not propose one nothing is read', async () => {
  const token = await api.issuer.agentToken('another-stranger');
  const reply = await api.http({ path: '/v1/policies', token, body: LARGE });
  expect(reply).toMatchObject({ status: 403, body: { code: 'machine_cannot_decide' } });
  expect((await api.http({ path: '/v1/actions', token })).body).toMatchObject({ code: 'forbidden' });
});
