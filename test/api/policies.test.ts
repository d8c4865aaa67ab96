import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function show(digest: string, token?: string): Promise<Reply> {
  return api.http({ path: `/v1/policies/${digest}`, token: token ?? (await api.issuer.humanToken('olga')) });
}

it('a policy is shown to people, as its digest is over it', async () => {
  const shown = await show(api.policyDigest);
  expect(shown).toMatchObject({ status: 200, body: { is_active: true, policy: { version: 'keyturn/v1' } } });
  const refused = await show(api.policyDigest, await api.issuer.agentToken('agent-billing'));
  expect(refused).toMatchObject({ status: 403, body: { code: 'machine_cannot_decide' } });
});

it('a stored policy that is not what its digest names is shown to nobody', async () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  expect((await show(digest)).status).toBe(404);
  await api.db.query(
    `insert into keyturn.policy_set (digest, body, installed_by) values ($1, '{"altered": true}', 'test')`,
    [digest],
  );
  const shown = await show(digest);
  expect(shown.body).toMatchObject({ code: 'policy_invalid' });
  expect(shown.body).not.toHaveProperty('policy');
});
