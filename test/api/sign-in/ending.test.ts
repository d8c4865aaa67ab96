import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SessionList } from '../../../contract/sessions.ts';
import { startApi, type TestApi } from '../api.ts';
import { begin, Browser, comeBack, signIn } from './browser.ts';

let api: TestApi;
let browser: Browser;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
beforeEach(async () => {
  await api.db.query('update keyturn.session set ended_at = now() where ended_at is null');
  browser = await signIn(api, 'ada');
});

/** Undefined: left out. */
type Claims = Readonly<Record<string, unknown>>;

async function list(who: string, query = ''): Promise<{ status: number; body: SessionList }> {
  return api.http<SessionList>({ path: `/v1/sessions${query}`, token: await api.issuer.humanToken(who) });
}

async function end(who: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
  const token = await api.issuer.humanToken(who);
  return api.http({ path: `/v1/sessions/${path}`, method: 'POST', token, ...(body && { body }) });
}

const isLive = async (one: Browser): Promise<boolean> => (await one.session()).status === 200;

describe('sessions are listed', () => {
  it('to their own person, with the one that calls', async () => {
    await signIn(api, 'ada');
    await signIn(api, 'dmitri');
    const { text } = await browser.get('/v1/sessions');
    const { items } = JSON.parse(text) as SessionList;
    expect(items.map((item) => [item.person, item.is_current])).toEqual([
      ['ada', false],
      ['ada', true],
    ]);
  });

  it('to operators of anybody, and to nobody else', async () => {
    expect((await list('olga', '?person=ada')).body.items).toHaveLength(1);
    expect((await list('dmitri', '?person=ada')).status).toBe(403);
    expect((await list('ada', '?person=ada')).body.items).toHaveLength(1);
    const token = await api.issuer.agentToken('agent-billing');
    expect((await api.http({ path: '/v1/sessions', token })).status).toBe(403);
  });
});

describe('a session is ended', () => {
  it('by its person, from anywhere', async () => {
    const { id } = await browser.session();
    expect(await end('ada', `${id}/end`)).toMatchObject({ status: 200, body: { ended: 1 } });
    expect(await isLive(browser)).toBe(false);
    expect((await end('ada', `${id}/end`)).status).toBe(404);
  });

  it('by an operator, on record as such', async () => {
    const { id } = await browser.session();
    expect((await end('olga', `${id}/end`)).status).toBe(200);
    expect(await isLive(browser)).toBe(false);
    const { rows } = await api.db.query<{ how: string }>(
      `select leaf::jsonb -> 'facts' ->> 'how' as how from audit.entry
       where type = 'session.ended' and leaf::jsonb -> 'facts' ->> 'session' = $1`,
      [id],
    );
    expect(rows).toEqual([{ how: 'operator' }]);
  });

  it('by nobody else: to them it does not exist', async () => {
    const { id } = await browser.session();
    expect((await end('dmitri', `${id}/end`)).status).toBe(404);
    expect((await end('dmitri', 'end-all', { person: 'ada' })).status).toBe(403);
    expect(await isLive(browser)).toBe(true);
  });

  it('with all others of its person', async () => {
    const [second, other] = [await signIn(api, 'ada'), await signIn(api, 'dmitri')];
    const { csrf } = await browser.session();
    const { text } = await browser.post('/v1/sessions/end-all', '{}', { 'x-csrf-token': csrf });
    expect(JSON.parse(text)).toEqual({ ended: 2 });
    expect([await isLive(browser), await isLive(second), await isLive(other)]).toEqual([false, false, true]);
    expect((await end('olga', 'end-all', { person: 'dmitri' })).body).toEqual({ ended: 1 });
    expect(await isLive(other)).toBe(false);
  });

  it('not by the role of the API in the name of somebody who is no operator', async () => {
    const { id } = await browser.session();
    const ending = api.db.query(
      'begin; set local role keyturn_api; select keyturn.end_session($$' + id + `$$, 'dmitri', '{}', '{}')`,
    );
    await expect(ending).rejects.toThrow();
    await api.db.query('rollback');
    expect(await isLive(browser)).toBe(true);
  });
});

describe('a logout token of the provider', () => {
  const EVENT = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const RIGHT = { sub: 'ada', aud: 'keyturn-console', jti: 'j', events: EVENT };

  async function logout(
    claims: Claims,
    header: Record<string, unknown> = { typ: 'logout+jwt' },
  ): Promise<number> {
    const logout_token = await api.issuer.sign(JSON.parse(JSON.stringify({ ...RIGHT, ...claims })), header);
    const anybody = new Browser(api.url);
    return (await anybody.post('/sign-in/back-channel-logout', { logout_token })).status;
  }

  it('ends all sessions of its person', async () => {
    const other = await signIn(api, 'dmitri');
    expect(await logout({})).toBe(200);
    expect([await isLive(browser), await isLive(other)]).toEqual([false, true]);
  });

  it('ends the one that it names', async () => {
    const named = new Browser(api.url);
    const begun = await begin(named, api.issuer);
    await comeBack(named, { issuer: api.issuer, begun, subject: 'dmitri' }, { claims: { sid: 'one' } });
    const other = new Browser(api.url);
    const also = await begin(other, api.issuer);
    await comeBack(other, { issuer: api.issuer, begun: also, subject: 'dmitri' }, { claims: { sid: 'two' } });
    expect(await logout({ sub: undefined, sid: 'one' })).toBe(200);
    expect([await isLive(named), await isLive(other)]).toEqual([false, true]);
  });

  it.each<[string, Claims, Record<string, unknown>?]>([
    ['with a nonce', { nonce: 'n' }],
    ['without the event', { events: {} }],
    ['without an id', { jti: undefined }],
    ['for another client', { aud: 'other' }],
    ['of another issuer', { iss: 'https://other.example' }],
    ['that is old', { iat: Math.floor(Date.now() / 1_000) - 3_600 }],
    ['that says nobody', { sub: undefined }],
    ['that is an access token', {}, { typ: 'at+jwt' }],
    ['with an algorithm that is not configured', {}, { alg: 'ES256' }],
  ])('%s is refused', async (_what, claims, header) => {
    expect(await logout(claims, header)).toBe(400);
    expect(await isLive(browser)).toBe(true);
  });
});
