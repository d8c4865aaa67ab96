import { createHash } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { cookiesAt, setCookie } from '../../../apps/api/auth/session-cookie.ts';
import { openContext } from '../../../apps/api/open-context.ts';
import { startApi, type TestApi } from '../api.ts';
import { begin, Browser, comeBack, ORIGIN, signIn, type Answer } from './browser.ts';

let api: TestApi;
let browser: Browser;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
beforeEach(() => {
  browser = new Browser(api.url);
});

const SESSION = 'keyturn-7080';
const PENDING = 'keyturn-sign-in-7080';

const sessions = async (): Promise<number> => {
  const { rows } = await api.db.query<{ count: string }>('select count(*) from keyturn.session');
  return Number(rows[0]?.count);
};

describe('a sign-in', () => {
  it('asks for a code with PKCE, state and nonce, and makes no row before it is finished', async () => {
    const before = await sessions();
    const asked = await begin(browser, api.issuer, { login_hint: 'olga' });
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      client_id: 'keyturn-console',
      scope: 'openid',
      redirect_uri: `${ORIGIN}/sign-in/callback`,
      code_challenge_method: 'S256',
      login_hint: 'olga',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
    expect(await sessions()).toBe(before);
  });

  it('proves with the verifier of PKCE that it is the one that began', async () => {
    const begun = await begin(browser, api.issuer);
    let form = new URLSearchParams();
    api.issuer.answerToken = (sent) => {
      form = sent;
      return { error: 'invalid_grant' };
    };
    const refused = await browser.get(`/sign-in/callback?code=c&state=${begun.get('state')}`);
    expect(refused.status).toBe(401);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    expect(challenge).toBe(begun.get('code_challenge'));
  });

  it('ends at the console, with a session in a cookie that no script reads', async () => {
    const page = await comeBack(browser, {
      issuer: api.issuer,
      begun: await begin(browser, api.issuer),
      subject: 'olga',
    });
    expect(page).toMatchObject({ status: 303, location: `${ORIGIN}/` });
    expect(page.headers.getSetCookie()).toEqual([
      `${PENDING}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`,
      expect.stringMatching(/^keyturn-7080=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    expect((await browser.get('/v1/session')).text).toContain('"name":"Olga Petrenko"');
  });

  it('stores only digests of what the cookie and the state hold', async () => {
    const begun = await begin(browser, api.issuer);
    await comeBack(browser, { issuer: api.issuer, begun, subject: 'olga' });
    const secret = browser.cookies.get(SESSION) ?? '';
    const { rows } = await api.db.query(`select session::text as row from keyturn.session`);
    const all = JSON.stringify(rows);
    for (const value of [secret, begun.get('state') ?? '']) {
      expect(all).not.toContain(value);
      expect(all).toContain(createHash('sha256').update(value).digest('hex'));
    }
  });

  it.each([
    ['of the same person', 'olga'],
    ['of another person', 'dmitri'],
  ])('makes a new session, and ends the one %s that the browser had', async (_whose, next) => {
    await signIn(api, 'olga', browser);
    const before = browser.cookies.get(SESSION) ?? '';
    await signIn(api, next, browser);
    expect(browser.cookies.get(SESSION)).not.toBe(before);
    const other = new Browser(api.url);
    other.cookies.set(SESSION, before);
    expect((await other.session()).status).toBe(401);
  });

  it('does not take a secret that somebody put into the browser before', async () => {
    const planted = 'A'.repeat(43);
    browser.cookies.set(SESSION, planted);
    await signIn(api, 'olga', browser);
    expect(browser.cookies.get(SESSION)).not.toBe(planted);
    const attacker = new Browser(api.url);
    attacker.cookies.set(SESSION, planted);
    expect((await attacker.session()).status).toBe(401);
  });

  it.each([
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['/ok\\..\\evil', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['@evil.example', '/'],
    ['/\tx', '/'],
    ['/v1/me?x=1#y', '/v1/me?x=1#y'],
  ])('returns to %s as %s', async (wanted, path) => {
    const begun = await begin(browser, api.issuer, { return_to: wanted });
    const page = await comeBack(browser, { issuer: api.issuer, begun, subject: 'olga' });
    expect(page.location).toBe(`${ORIGIN}${path}`);
  });
});

describe('a sign-in is refused', () => {
  async function refused(answer: Answer, subject = 'olga'): Promise<string> {
    const before = await sessions();
    const begun = await begin(browser, api.issuer);
    const page = await comeBack(browser, { issuer: api.issuer, begun, subject }, answer);
    expect(browser.cookies.has(SESSION)).toBe(false);
    expect(await sessions()).toBe(before);
    expect(page.status).toBeGreaterThanOrEqual(400);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    return page.text;
  }

  it.each<[string, Answer]>([
    ['for another audience', { claims: { aud: 'other' } }],
    [
      'for several audiences, got by another',
      { claims: { aud: ['keyturn-console', 'other'], azp: 'other' } },
    ],
    ['of another issuer', { claims: { iss: 'https://other.example' } }],
    ['with another nonce', { claims: { nonce: 'replayed' } }],
    ['without a nonce', { claims: { nonce: undefined } }],
    ['that has expired', { claims: { exp: 1 } }],
    ['with an algorithm that is not configured', { header: { alg: 'ES256' } }],
    ['with a shared secret', { header: { alg: 'HS256' } }],
    ['signed with a key that is not published', { header: { kid: 'unknown' } }],
    ['that is an access token', { header: { typ: 'at+jwt' } }],
    ['that is a logout token', { header: { typ: 'logout+jwt' } }],
    ['that is a logout token by its events', { claims: { events: {} } }],
    ['that is an access token by its use', { claims: { token_use: 'access' } }],
    ['that is bound to a key', { claims: { cnf: { jkt: 'x' } } }],
  ])('with a token %s', async (_what, answer) => {
    expect(await refused(answer)).toContain('not work');
  });

  it.each<[string, JSON_CLAIMS, string?]>([
    ['the client itself', {}, 'keyturn-console'],
    ['a service account', { preferred_username: 'service-account-x' }],
    ['an application of Entra', { idtyp: 'app' }],
    ['somebody through an actor', { act: { sub: 'billing' } }],
  ])('of %s: a machine stays a machine', async (_what, claims, subject = 'olga') => {
    expect(await refused({ claims }, subject)).toContain('requires a person');
  });

  it('of an agent, and of accounts that the directory does not have', async () => {
    expect(await refused({}, 'billing')).toContain('no person with the account');
    expect(await refused({}, 'nobody')).toContain('no person with the account');
  });

  it('with another state, or one that was used already', async () => {
    await refused({ query: { state: 'x'.repeat(43) } });
    const begun = await begin(browser, api.issuer);
    const pending = browser.cookies.get(PENDING) ?? '';
    expect((await comeBack(browser, { issuer: api.issuer, begun, subject: 'olga' })).status).toBe(303);
    const again = new Browser(api.url);
    again.cookies.set(PENDING, pending);
    const page = await comeBack(again, { issuer: api.issuer, begun, subject: 'olga' });
    expect(page.status).toBe(401);
    expect(page.text).toContain('used already');
    expect(again.cookies.has(SESSION)).toBe(false);
  });

  it('in another browser than the one that began it', async () => {
    const begun = await begin(browser, api.issuer);
    const other = new Browser(api.url);
    const page = await comeBack(other, { issuer: api.issuer, begun, subject: 'olga' });
    expect(page.status).toBe(400);
    expect(page.text).toContain('not begun in this browser');
  });

  it('from another issuer than the one that was asked (RFC 9207)', async () => {
    await refused({ query: { iss: api.secondIssuer.url } });
  });

  it('when the provider says no, without repeating what it wrote', async () => {
    const begun = await begin(browser, api.issuer);
    const query = { error: '<script>', error_description: 'x', state: begun.get('state') ?? '' };
    const page = await browser.get(`/sign-in/callback?${new URLSearchParams(query).toString()}`);
    expect(page.status).toBe(401);
    expect(page.text).not.toContain('<script>');
  });
});

type JSON_CLAIMS = NonNullable<Answer['claims']>;

describe('the pages', () => {
  it('let people choose between several issuers, and keep where they return to', async () => {
    const page = await browser.get('/sign-in?return_to=/v1/me');
    expect(page.status).toBe(200);
    for (const { url } of [api.issuer, api.secondIssuer])
      expect(page.text).toContain(`issuer=${encodeURIComponent(url)}&amp;return_to=%2Fv1%2Fme`);
  });

  it.each(['/sign-in', '/sign-in/callback'])('cannot be framed, and run no script: %s', async (path) => {
    const { headers } = await browser.get(path);
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('permissions-policy')).toContain('publickey-credentials-get=(self)');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy.split(';').toSorted()).toEqual([
      "base-uri 'none'",
      "default-src 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "style-src 'unsafe-inline'",
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('an issuer that is not configured is none to sign in at', async () => {
    expect((await browser.get('/sign-in?issuer=https://evil.example')).status).toBe(400);
  });
});

it.each([
  ['http://keyturn.example', false],
  ['http://localhost.evil.example:7080', false],
  ['https://keyturn.example', true],
  ['http://[::1]:7080', true],
])('an API whose public URL is %s starts with sign-ins: %s', async (url, isStarted) => {
  const opening = openContext({ ...api.context.settings, publicUrl: url });
  if (!isStarted) return expect(opening).rejects.toThrow(/KEYTURN_PUBLIC_URL: .* name an https address/);
  await (await opening).close();
});

it.each([
  ['https://keyturn.example', '__Host-keyturn', true],
  ['http://localhost', 'keyturn-80', false],
  ['http://localhost:7080', 'keyturn-7080', false],
])('the cookie at %s is %s', (url, name, isSecure) => {
  const cookies = cookiesAt(url);
  expect(cookies.session).toBe(name);
  const line = setCookie(cookies, { name: cookies.session, value: 'x' });
  expect(line.endsWith('; Path=/; HttpOnly; SameSite=Lax; Secure')).toBe(isSecure);
});
