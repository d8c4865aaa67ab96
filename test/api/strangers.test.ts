import { afterAll, beforeAll, expect, it } from 'vitest';

import { startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

const EMPTY = { items: [], next_cursor: null };

/** Every route that reads, and what an account of the issuer gets whom the directory does not know. */
const ROUTES: readonly (readonly [path: string, status: number, body: object])[] = [
  ['/v1/switches', 403, { code: 'forbidden' }],
  ['/v1/actions', 403, { code: 'forbidden' }],
  ['/v1/targets', 403, { code: 'forbidden' }],
  [
    '/v1/me',
    200,
    { kind: 'unknown', id: null, groups: [], accounts: [], is_operator: false, may_decide: false },
  ],
  ['/v1/events', 403, { code: 'forbidden' }],
  ['/v1/audit/policy', 403, {}],
  ['/v1/policies/sha256:0', 403, {}],
  ['/v1/inbox', 403, {}],
  ['/v1/requests', 200, EMPTY],
  ['/v1/requests/ID', 404, { code: 'not_found' }],
  ['/v1/requests/ID/timeline', 404, { code: 'not_found' }],
  ['/v1/requests/ID/evidence', 404, { code: 'not_found' }],
  ['/v1/requests/ID/workflow-events', 404, { code: 'not_found' }],
];

it.each(ROUTES)(
  'an account that the directory does not know reads nothing: %s',
  async (path, status, body) => {
    const { id } = await storeRequest(api);
    const tokens = [await api.issuer.agentToken('stranger'), await api.issuer.humanToken('stranger')];
    for (const token of tokens) {
      const reply = await api.http({ path: path.replace('ID', id), token });
      expect(reply).toMatchObject({ status, body });
    }
  },
);
