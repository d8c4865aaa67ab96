import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { cookiesAt } from '../../apps/api/auth/session-cookie.ts';
import { GOOD_BODY, startApi, type TestApi } from './api.ts';
import type { CardAnswer } from '../../contract/cards.ts';
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

/** Of the second call: the first may read the policy and a directory, which the process then has. */
async function statementsToShow(token: string, id: string): Promise<readonly string[]> {
  const show = async (): Promise<void> =>
    expect((await api.http({ path: `/v1/requests/${id}`, token })).status).toBe(200);
  await show();
  return statementsDuring(show);
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
  expect(await statementsToShow(reviewer, id)).toHaveLength(5);
  const agent = await api.issuer.agentToken('agent-billing');
  expect(await statementsToShow(agent, id)).toHaveLength(3);
});

it('one more shows one that is older than the last change of the directory: who its people were then', async () => {
  const { rows } = await api.db.query<{ at: Date }>('select changed_at as at from keyturn.directory_state');
  const { id } = await storeRequest(api, { createdAt: rows[0]?.at ?? new Date() });
  const reviewer = await api.issuer.humanToken('olga');
  const statements = await statementsToShow(reviewer, id);
  expect(statements).toHaveLength(6);
  expect(statements.join()).toContain('from keyturn.directory_change where at <= $1');
});

it('one more decides on a card than without one', async () => {
  const token = await api.issuer.humanToken('olga');
  const card = async (id: string): Promise<string> =>
    (await api.http<CardAnswer>({ path: `/v1/requests/${id}/card`, token })).body.view_digest;
  const decide = async (isOnCard: boolean): Promise<readonly string[]> => {
    const { id, decisionDigest } = await storeRequest(api);
    const shown = isOnCard ? { view_digest: await card(id) } : {};
    const body = { decision_digest: decisionDigest, verdict: 'approve', reason: 'x', ...shown };
    return statementsDuring(async () =>
      expect((await api.http({ path: `/v1/requests/${id}/decisions`, token, body })).status).toBe(202),
    );
  };
  // The first call also compares the clocks.
  await decide(true);
  const without = await decide(false);
  const on = await decide(true);
  expect(on.filter((text) => !without.includes(text))).toHaveLength(1);
});

it('none looks for the session of a cookie that cannot be of one', async () => {
  const { session } = cookiesAt(api.context.settings.publicUrl);
  const called = (secret: string) =>
    statementsDuring(async () => {
      const headers = { cookie: `${session}=${secret}` };
      expect((await fetch(`${api.url}/v1/me`, { headers })).status).toBe(401);
    });
  expect(await called('x'.repeat(43))).toHaveLength(1);
  for (const junk of ['x', 'x'.repeat(44), 'x'.repeat(4_000), `${'x'.repeat(42)}=`])
    expect(await called(junk)).toEqual([]);
});
