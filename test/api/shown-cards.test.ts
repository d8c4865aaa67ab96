import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openEnvelope, type SignedDecision } from '../../domain/crypto/envelope.ts';
import { policyDigest } from '../../domain/policy/policy.ts';
import type { CardAnswer } from '../../contract/cards.ts';
import type { DecideManyAnswer, DecisionBody, Ticket } from '../../contract/decisions.ts';
import type { Reply } from '../stack/http.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { storeRequest, type Stored } from './rows.ts';
import { InSession } from './sign-in/in-session.ts';
import { signIn, type Browser } from './sign-in/browser.ts';

let api: TestApi;
let browser: Browser;
beforeAll(async () => {
  api = await startApi();
  browser = await signIn(api, 'olga');
});
afterAll(async () => {
  await api.stop();
});

type Sent = Partial<DecisionBody>;

const OTHER = `sha256:${'0'.repeat(64)}`;

async function viewOf(id: string): Promise<string> {
  const { text } = await browser.get(`/v1/requests/${id}/card`);
  return (JSON.parse(text) as CardAnswer).view_digest;
}

function bodyOf({ decisionDigest }: Stored, sent: Sent): object {
  return { verdict: 'approve', reason: 'right', decision_digest: decisionDigest, ...sent };
}

/** What a page of the console sends. Answers status and code. */
async function bySession(stored: Stored, sent: Sent, to = 'decisions'): Promise<readonly unknown[]> {
  const { csrf } = await browser.session();
  const path = `/v1/requests/${stored.id}/${to}`;
  const { status, text } = await browser.post(path, JSON.stringify(bodyOf(stored, sent)), {
    'x-csrf-token': csrf,
  });
  return [status, (JSON.parse(text) as { code?: string }).code];
}

async function byToken<Body>(
  stored: Stored,
  sent: Sent,
  { key }: { readonly key?: string } = {},
): Promise<Reply<Body>> {
  return api.http<Body>({
    path: `/v1/requests/${stored.id}/decisions`,
    token: await api.issuer.humanToken('olga'),
    body: bodyOf(stored, sent),
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  });
}

/** What is signed in the last decision that waits for a worker. */
async function signedIn(id: string): Promise<SignedDecision> {
  const { rows } = await api.db.query<{ envelope: string }>(
    'select envelope from keyturn.kept_message where request = $1 order by kept_at desc limit 1',
    [id],
  );
  return openEnvelope('decision', rows[0]?.envelope, api.context.keys.verification);
}

describe('a decision by a session', () => {
  it.each(['approve', 'deny', 'defer'] as const)(
    'to %s needs the digest of what was shown',
    async (verdict) => {
      const stored = await storeRequest(api);
      expect(await bySession(stored, { verdict })).toEqual([422, 'view_digest_missing']);
    },
  );

  it('is on the card that is shown now, and says which parts were opened', async () => {
    const stored = await storeRequest(api);
    const digest = await viewOf(stored.id);
    expect(await bySession(stored, { view_digest: digest, opened: ['plan', 'arguments'] })).toEqual([
      202,
      undefined,
    ]);
    expect(await signedIn(stored.id)).toMatchObject({
      channel: 'console',
      view: { digest, opened: ['plan', 'arguments'] },
    });
  });

  it('is refused on a card that there never was', async () => {
    const stored = await storeRequest(api);
    expect(await bySession(stored, { view_digest: OTHER })).toEqual([409, 'view_digest_stale']);
  });

  it('is refused once somebody behind the request has another name', async () => {
    const stored = await storeRequest(api);
    const digest = await viewOf(stored.id);
    const { directory } = api.policy;
    const people = directory.people.map((one) =>
      one.id === 'ada' ? { ...one, name: 'Somebody else' } : one,
    );
    const policy = { ...api.policy, directory: { ...directory, people } };
    await activate(api.databases, policy, policyDigest(policy));
    expect(await bySession(stored, { view_digest: digest }, 'tickets')).toEqual([409, 'view_digest_stale']);
    expect(await bySession(stored, { view_digest: await viewOf(stored.id) }, 'tickets')).toEqual([
      201,
      undefined,
    ]);
  });

  it('among others needs that of each, and is refused alone without', async () => {
    const [seen, unseen, other] = [await storeRequest(api), await storeRequest(api), await storeRequest(api)];
    const items = [
      { id: seen.id, ...bodyOf(seen, { view_digest: await viewOf(seen.id) }) },
      { id: unseen.id, ...bodyOf(unseen, { verdict: 'deny' }) },
      { id: other.id, ...bodyOf(other, { view_digest: OTHER }) },
    ];
    const { csrf } = await browser.session();
    const { text } = await browser.post('/v1/decisions', JSON.stringify({ items }), { 'x-csrf-token': csrf });
    const outcomes = (JSON.parse(text) as DecideManyAnswer).items;
    expect(outcomes.map(({ status, problem }) => problem?.code ?? status)).toEqual([
      202,
      'view_digest_missing',
      'view_digest_stale',
    ]);
    const refused = await browser.post('/v1/decisions', JSON.stringify({ items }));
    expect(refused.status).toBe(403);
  });

  it('gets no ticket without it either', async () => {
    const stored = await storeRequest(api);
    expect(await bySession(stored, {}, 'tickets')).toEqual([422, 'view_digest_missing']);
    expect(await bySession(stored, { view_digest: await viewOf(stored.id) }, 'tickets')).toEqual([
      201,
      undefined,
    ]);
  });
});

describe('a decision by a token', () => {
  it('may say nothing of a card, and is signed without one', async () => {
    const stored = await storeRequest(api);
    expect((await byToken(stored, {})).status).toBe(202);
    expect(await signedIn(stored.id)).not.toHaveProperty('view');
  });

  it('is refused on another card, and on one that has other terms by now', async () => {
    const stored = await storeRequest(api);
    expect((await byToken(stored, { view_digest: OTHER })).body).toMatchObject({
      status: 409,
      code: 'view_digest_stale',
    });
    const digest = await viewOf(stored.id);
    await api.db.query(`update keyturn.request set expires_at = expires_at - interval '1 s' where id = $1`, [
      stored.id,
    ]);
    expect((await byToken(stored, { view_digest: digest })).body).toMatchObject({
      code: 'view_digest_stale',
    });
    expect((await byToken(stored, { view_digest: await viewOf(stored.id) })).status).toBe(202);
  });

  it('carries the card in its ticket', async () => {
    const stored = await storeRequest(api);
    const digest = await viewOf(stored.id);
    const { body } = await new InSession(api).post<Ticket>(
      await api.issuer.humanToken('olga'),
      `/v1/requests/${stored.id}/tickets`,
      bodyOf(stored, { view_digest: digest }),
    );
    const signed = await openEnvelope('decision', body.ticket, api.context.keys.verification);
    expect(signed.view).toEqual({ digest, opened: [] });
  });

  it('is another call with the same key on another card', async () => {
    const stored = await storeRequest(api);
    const key = randomUUID();
    const digest = await viewOf(stored.id);
    const first = await byToken(stored, { view_digest: digest, opened: ['plan'] }, { key });
    const again = await byToken(stored, { view_digest: digest, opened: ['plan'] }, { key });
    expect([first.status, again.status, again.body]).toEqual([202, 202, first.body]);
    for (const other of [{}, { view_digest: OTHER }, { view_digest: digest }])
      expect((await byToken(stored, other, { key })).body).toMatchObject({ code: 'idempotency_key_reused' });
  });

  it.each([
    ['parts of no card', { opened: ['plan'] }],
    ['a part that no card has', { view_digest: OTHER, opened: ['secrets'] }],
    ['more parts than there are', { view_digest: OTHER, opened: Array.from({ length: 21 }, () => 'plan') }],
    ['what is no digest', { view_digest: 'sha256:1' }],
  ])('cannot name %s', async (_what, sent) => {
    const stored = await storeRequest(api);
    expect((await byToken(stored, sent as Sent)).body).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });
});
