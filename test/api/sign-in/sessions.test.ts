import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { verifyStream } from '../../../domain/audit/verification/streams.ts';
import type { CardAnswer } from '../../../contract/cards.ts';
import type { StreamPage } from '../../../contract/streams.ts';
import { startApi, type TestApi } from '../api.ts';
import { storeRequest } from '../rows.ts';
import { Browser, ORIGIN, signIn } from './browser.ts';

let api: TestApi;
let browser: Browser;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
beforeEach(async () => {
  browser = await signIn(api, 'olga');
});

const SWITCH = JSON.stringify({ scope: { kind: 'target', value: 'shop' }, reason: 'x' });
const COOKIE = 'keyturn-7080';

async function sql(statement: string): Promise<void> {
  const { id } = await browser.session();
  await api.db.query(statement.replace('$id', `'${id}'`));
}

describe('a session', () => {
  it('is that of a person who may decide, as with a token', async () => {
    const { text } = await browser.get('/v1/me');
    expect(JSON.parse(text)).toMatchObject({
      kind: 'person',
      id: 'olga',
      may_decide: true,
      is_operator: true,
    });
  });

  it('says until when it lasts', async () => {
    const { text } = await browser.get('/v1/session');
    const { began_at, expires_at, idle_at, ...session } = JSON.parse(text) as Record<string, string>;
    expect(session).toMatchObject({
      person: 'olga',
      name: 'Olga Petrenko',
      identity: { issuer: api.issuer.url },
    });
    const hours = (until = ''): number => (Date.parse(until) - Date.parse(began_at ?? '')) / 3_600_000;
    expect(hours(expires_at)).toBeCloseTo(12, 2);
    expect(hours(idle_at)).toBeCloseTo(1, 2);
  });

  it.each([
    ['twelve hours after the sign-in', 'expires_at = now()'],
    ['an hour after it was last used', `seen_at = now() - interval '61 minutes'`],
  ])('is over %s', async (_when, change) => {
    await sql(`update keyturn.session set ${change} where id = $id`);
    expect((await browser.session()).status).toBe(401);
  });

  it('goes on while it is used, which is written once a minute', async () => {
    const seen = async (): Promise<Date | undefined> => {
      const { id } = await browser.session();
      const { rows } = await api.db.query<{ seen_at: Date }>(
        'select seen_at from keyturn.session where id = $1',
        [id],
      );
      return rows[0]?.seen_at;
    };
    const { text } = await browser.get('/v1/session');
    expect(JSON.parse(text)).toMatchObject({ demo_request_address: null });
    const first = await seen();
    expect(await seen()).toEqual(first);
    await sql(`update keyturn.session set seen_at = now() - interval '59 minutes' where id = $id`);
    expect(Date.now() - Number(await seen())).toBeLessThan(30 * 60_000);
  });

  it('is over at once for somebody who is deactivated, and stays so when that is undone', async () => {
    const standing = 'keyturn.person_standing';
    await api.db.query(`update ${standing} set valid_to = clock_timestamp() where person = 'olga'`);
    await api.db.query(
      `insert into ${standing} (person, authority, name, active, valid_from) values ('olga', 'file', 'Olga', false, clock_timestamp())`,
    );
    expect((await browser.session()).status).toBe(401);
    await api.db.query(
      `update ${standing} set valid_to = clock_timestamp() where person = 'olga' and not active`,
    );
    await api.db.query(
      `insert into ${standing} (person, authority, name, active, valid_from) values ('olga', 'file', 'Olga', true, clock_timestamp())`,
    );
    expect((await browser.session()).status).toBe(401);
    expect((await (await signIn(api, 'olga')).session()).status).toBe(200);
  });

  it('is not used together with a token', async () => {
    const authorization = `Bearer ${await api.issuer.humanToken('olga')}`;
    const { status, text } = await browser.get('/v1/me', { authorization });
    expect([status, JSON.parse(text).code]).toEqual([400, 'invalid_request']);
  });

  it('is none where there are two cookies of its name', async () => {
    const cookie = `${COOKIE}=${browser.cookies.get(COOKIE)}; ${COOKIE}=a`;
    const answer = await fetch(`${api.url}/v1/me`, { headers: { cookie } });
    expect(answer.status).toBe(401);
  });

  it('has no session to show for a token', async () => {
    const token = await api.issuer.humanToken('olga');
    expect((await api.http({ path: '/v1/session', token })).status).toBe(404);
  });

  it('an ID token of a sign-in is no access token', async () => {
    const token = await api.issuer.sign({ sub: 'olga', aud: 'keyturn-console', nonce: 'n' });
    expect((await api.http({ path: '/v1/me', token })).status).toBe(401);
    const forApi = await api.issuer.sign({ sub: 'olga', nonce: 'n' });
    expect((await api.http({ path: '/v1/me', token: forApi })).status).toBe(401);
  });
});

describe('a call that changes something', () => {
  it('decides, for somebody who may', async () => {
    const row = await storeRequest(api);
    const { csrf } = await browser.session();
    const { text } = await browser.get(`/v1/requests/${row.id}/card`);
    const { view_digest } = JSON.parse(text) as CardAnswer;
    const decision = {
      verdict: 'approve',
      reason: 'right',
      decision_digest: row.decisionDigest,
      view_digest,
    };
    const headers = { 'x-csrf-token': csrf };
    const answer = await browser.post(`/v1/requests/${row.id}/decisions`, JSON.stringify(decision), headers);
    expect(answer).toMatchObject({ status: 202, text: expect.stringContaining('queued') });
  });

  it('is done from a page of the API with the token of the session', async () => {
    const { csrf } = await browser.session();
    const answer = await browser.post('/v1/switches', SWITCH, { 'x-csrf-token': csrf });
    expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  });

  it.each([
    ['from another port of this machine', { origin: 'http://127.0.0.1:7081' }],
    ['from another site', { origin: 'https://evil.example' }],
    ['from nowhere', { origin: 'null' }],
  ])('is refused %s, though the cookie and the token came along', async (_where, headers) => {
    const { csrf } = await browser.session();
    const answer = await browser.post('/v1/switches', SWITCH, { 'x-csrf-token': csrf, ...headers });
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([403, 'csrf_refused']);
  });

  it('is refused without an Origin, without a token, and with that of another session', async () => {
    const { csrf } = await browser.session();
    const cookie = `${COOKIE}=${browser.cookies.get(COOKIE)}`;
    const headers = { cookie, 'content-type': 'application/json', 'x-csrf-token': csrf };
    const bare = await fetch(`${api.url}/v1/switches`, { method: 'POST', body: SWITCH, headers });
    expect(bare.status).toBe(403);
    expect((await browser.post('/v1/switches', SWITCH)).status).toBe(403);
    const { csrf: foreign } = await (await signIn(api, 'olga')).session();
    expect((await browser.post('/v1/switches', SWITCH, { 'x-csrf-token': foreign })).status).toBe(403);
  });
});

describe('signing out', () => {
  it('ends the session, by a form of the console', async () => {
    const secret = browser.cookies.get(COOKIE) ?? '';
    const { csrf } = await browser.session();
    const page = await browser.post('/sign-out', { csrf_token: csrf });
    expect(page).toMatchObject({ status: 303, location: `${ORIGIN}/` });
    expect(browser.cookies.has(COOKIE)).toBe(false);
    browser.cookies.set(COOKIE, secret);
    expect((await browser.session()).status).toBe(401);
  });

  it('takes the form of no other page', async () => {
    const { csrf } = await browser.session();
    const evil = { origin: 'http://127.0.0.1:9999' };
    expect((await browser.post('/sign-out', { csrf_token: csrf }, evil)).status).toBe(403);
    expect((await browser.post('/sign-out', { csrf_token: 'guess' })).status).toBe(403);
    expect((await browser.session()).status).toBe(200);
  });
});

it('sessions start and end on record, and the database stands as the entries say', async () => {
  const { csrf, id } = await browser.session();
  await browser.post('/sign-out', { csrf_token: csrf });
  // Other tests changed theirs by hand.
  await api.db.query('delete from keyturn.session where id <> $1', [id]);
  const token = await api.issuer.humanToken('olga');
  const { body } = await api.http<StreamPage>({ path: '/v1/audit/sessions?limit=100', token });
  const leaves = body.items.map(
    (leaf) => JSON.parse(leaf) as { type: string; facts: Record<string, string> },
  );
  expect(leaves.filter(({ facts }) => facts['session'] === id)).toMatchObject([
    { type: 'session.started', actor: { kind: 'person', via: 'console' } },
    { type: 'session.ended', facts: { how: 'person' } },
  ]);
  const outcome = async (): Promise<string | undefined> => {
    const page = await api.http<StreamPage>({ path: '/v1/audit/sessions?limit=100', token });
    const evidence = { stream: 'sessions', leaves: page.body.items, state: page.body.state } as const;
    return verifyStream(evidence, new Date().toISOString()).outcome;
  };
  expect(await outcome()).toBe('ok');
  await api.db.query('update keyturn.session set ended_at = null where id = $1', [id]);
  expect(await outcome()).toBe('failed');
});
