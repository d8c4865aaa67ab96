import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { isBearerAccessToken } from '../../apps/api/auth/token-kind.ts';
import type { TokenFault } from '../../apps/api/auth/token-refusal.ts';
import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

const NOW = Math.floor(Date.now() / 1_000);

function actions(token?: string): Promise<Reply> {
  return api.http({ path: '/v1/actions', token });
}

function inbox(token: string): Promise<Reply> {
  return api.http({ path: '/v1/inbox', token });
}

/** Signed by the issuer for this audience, and no access token that its holder may use. */
const OTHER_TOKENS: readonly [string, Record<string, unknown>, Record<string, unknown>?][] = [
  ['an ID token, by its nonce', { nonce: 'n' }],
  ['an ID token, by the hash of its access token', { at_hash: 'h', scope: 'keyturn:decide' }],
  ['an ID token, by the claim of Keycloak', { typ: 'ID', scope: 'keyturn:decide' }],
  ['an ID token, by the claim of Cognito', { token_use: 'id', scope: 'keyturn:decide' }],
  ['a token whose use is a list', { token_use: ['access'], scope: 'keyturn:decide' }],
  ['a token whose kind is a number', { typ: 1, scope: 'keyturn:decide' }],
  ['a token whose kind is null', { typ: null, scope: 'keyturn:decide' }],
  ['a refresh token', { typ: 'Refresh', scope: 'keyturn:decide' }],
  ['a logout token, by its header', { scope: 'keyturn:decide' }, { typ: 'logout+jwt' }],
  ['a logout token, by its events', { events: {}, scope: 'keyturn:decide' }],
  ['a security event', { scope: 'keyturn:decide' }, { typ: 'application/secevent+jwt' }],
  ['a proof of DPoP', { scope: 'keyturn:decide' }, { typ: 'dpop+jwt' }],
  ['a token bound to a key of DPoP', { cnf: { jkt: 'k' }, scope: 'keyturn:decide' }],
  ['a token bound to a certificate', { cnf: { 'x5t#S256': 'c' }, scope: 'keyturn:decide' }],
];

/** Tokens of programs that look like those of people. */
const SERVICE_ACCOUNTS: readonly [string, Record<string, unknown>][] = [
  ['a client of Auth0', { sub: 'keyturn-web@clients' }],
  ['a grant of Auth0', { gty: 'client-credentials' }],
  ['a grant by its OAuth name', { grant_type: 'client_credentials' }],
  ['a service account of Keycloak', { preferred_username: 'service-account-keyturn-cli' }],
  ['a service account of Google', { email: 'bot@project.iam.gserviceaccount.com' }],
  ['an application of Entra', { idtyp: 'app' }],
];

const METADATA = 'resource_metadata="http://127.0.0.1:7080/.well-known/oauth-protected-resource"';

/** What the caller reads. */
const SAID: Readonly<Record<TokenFault, RegExp>> = {
  no_token: /needs a bearer token/,
  scheme: /Use Bearer\.$/,
  malformed: /not a readable signed JWT/,
  unknown_issuer: /This API is not configured for the issuer/,
  algorithm: /algorithm/,
  unknown_key: /key that its issuer does not publish/,
  signature: /signature/,
  expired: /has expired/,
  not_yet_valid: /not valid yet/,
  audience: /another audience/,
  kind: /another kind/,
  missing_claim: /lacks a required claim: (exp|sub)\.$/,
  unreadable_claim: /claim of an unexpected form: (sub|act|trigger|iss)\.$/,
  nonce: /another sign-in/,
  api_key: /no such API key/,
  session_ended: /sign in again/,
  several_sessions: /several session cookies/,
  unknown_actors: /actors of another issuer/,
};

async function refusals(fault: TokenFault): Promise<number> {
  const { values } = await api.context.metrics.refusedTokens.get();
  return values.find(({ labels }) => labels.fault === fault)?.value ?? 0;
}

describe('a machine that has the client and the scope of people', () => {
  it.each(SERVICE_ACCOUNTS)('decides nothing: %s', async (_name, claims) => {
    const reply = await inbox(await api.issuer.humanToken('olga', claims));
    expect([reply.status, reply.body['code']]).toEqual([403, 'machine_cannot_decide']);
  });

  it('is no machine with a plain access token, whatever its header calls it', async () => {
    const claims = { sub: 'olga', client_id: 'keyturn-cli', scope: 'openid keyturn:decide', nonce: 'n' };
    for (const typ of ['JWT', 'at+jwt', 'application/at+JWT'])
      expect((await inbox(await api.issuer.sign(claims, { typ }))).status).toBe(200);
  });
});

it('another scheme than Bearer is refused with the one to use', async () => {
  const reply = await api.http({ path: '/v1/actions', headers: { authorization: 'Basic b2xnYTp4' } });
  expect(reply).toMatchObject({ status: 401, body: { detail: expect.stringMatching(SAID.scheme) } });
});

describe('a bearer token', () => {
  it('opens the door when the configured issuer signed it for this audience', async () => {
    expect((await actions(await api.issuer.agentToken('agent-billing'))).status).toBe(200);
  });

  it.each<[string, TokenFault, () => string | Promise<string>]>([
    ['junk', 'malformed', () => 'a.b.c'],
    [
      'a token without signature',
      'algorithm',
      () =>
        new UnsecuredJWT({ sub: 'ada' })
          .setIssuer(api.issuer.url)
          .setAudience('keyturn')
          .setExpirationTime('1h')
          .encode(),
    ],
    ['an issuer that no text can be made of', 'unreadable_claim', () => junk({ toString: 1, valueOf: 1 })],
    ['a token that names no issuer', 'unreadable_claim', () => junk(undefined)],
    ['a token signed with a shared secret', 'algorithm', () => symmetric()],
    ['a token signed with a key of somebody else', 'signature', () => otherKey()],
    ['another audience', 'audience', () => api.issuer.sign({ sub: 'ada', aud: 'elsewhere' })],
    [
      'an issuer that is not configured',
      'unknown_issuer',
      () => api.issuer.sign({ sub: 'ada', iss: 'http://127.0.0.1:1' }),
    ],
    [
      'an issuer spelled a little differently',
      'unknown_issuer',
      () => api.issuer.sign({ sub: 'ada', iss: `${api.issuer.url}/` }),
    ],
    [
      'an issuer whose keys did not sign it',
      'signature',
      () => api.issuer.sign({ sub: 'ada', iss: api.secondIssuer.url }),
    ],
    ['an expired token', 'expired', () => api.issuer.sign({ sub: 'ada', exp: NOW - 90 })],
    [
      'a token without an end',
      'missing_claim',
      () => api.issuer.sign({ sub: 'ada', exp: undefined as never }),
    ],
    ['a token of tomorrow', 'not_yet_valid', () => api.issuer.sign({ sub: 'ada', nbf: NOW + 3_600 })],
    ['a token of nobody', 'missing_claim', () => api.issuer.sign({})],
    ['a subject that no database could hold', 'unreadable_claim', () => api.issuer.sign({ sub: 'a\0b' })],
    [
      'an actor in a form nobody knows',
      'unreadable_claim',
      () => api.issuer.sign({ sub: 'ada', act: 'agent-billing' }),
    ],
    [
      'an actor of another issuer',
      'unknown_actors',
      () => api.issuer.sign({ sub: 'ada', act: { sub: 'agent-billing', iss: api.secondIssuer.url } }),
    ],
    [
      'a trigger in a form nobody knows',
      'unreadable_claim',
      () => api.issuer.sign({ sub: 'agent-billing', trigger: { sub: 'ada' } }),
    ],
    ['an endless chain of actors', 'unknown_actors', () => api.issuer.sign({ sub: 'ada', act: chain(30) })],
    ...OTHER_TOKENS.map(([name, claims, header]): [string, TokenFault, () => Promise<string>] => [
      name,
      'kind',
      () => api.issuer.sign({ sub: 'olga', client_id: 'keyturn-cli', ...claims }, header),
    ]),
  ])('is refused as 401, and the caller, the log and a metric say why: %s', async (_name, fault, token) => {
    const refused = await token();
    const warned = vi.spyOn(api.context.log, 'warn');
    const before = await refusals(fault);
    const reply = await actions(refused);
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthenticated', status: 401 } });
    expect(reply.headers.get('www-authenticate')).toBe(
      `Bearer error="invalid_token", error_description="${String(reply.body['detail'])}", ${METADATA}`,
    );
    expect(reply.body['detail']).toMatch(SAID[fault]);
    expect(await refusals(fault)).toBe(before + 1);
    expect(warned.mock.calls.map(([what]) => what)).toMatchObject([{ fault }]);
    expect(JSON.stringify(warned.mock.calls)).not.toContain(refused);
    warned.mockRestore();
  });

  it('is asked for where there is none, and the answer says where to learn how to get one', async () => {
    const reply = await actions();
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(reply.headers.get('www-authenticate')).toBe(`Bearer ${METADATA}`);
  });

  it('is taken a minute before it begins and after it ends, since clocks differ', async () => {
    for (const claims of [{ exp: NOW - 30 }, { nbf: Math.floor(Date.now() / 1_000) + 50 }])
      expect((await actions(await api.issuer.sign({ sub: 'agent-billing', ...claims }))).status).toBe(200);
  });
});

describe('an issuer that marks its access tokens', () => {
  it.each([
    ['at+jwt', true],
    ['application/at+jwt', true],
    ['AT+JWT', true],
    ['JWT', false],
    [undefined, false],
    ['', false],
    [['at+jwt'], false],
    ['at+jwt ', false],
  ])('is believed only where the header says so: %j is taken is %s', (typ, isTaken) => {
    const token = { header: typ === undefined ? {} : { typ }, claims: { scope: 'keyturn:decide' } };
    expect(isBearerAccessToken(token, { token_type: 'at+jwt' })).toBe(isTaken);
  });
});

describe('a token that was verified before', () => {
  it('is refused once it has ended', async () => {
    const { tokens } = api;
    const token = await api.issuer.sign({ sub: 'ada', exp: Math.floor(Date.now() / 1_000) - 30 });
    const principal = await tokens.verify(token);
    // Known, so not verified anew.
    expect(await tokens.verify(token)).toBe(principal);
    // Soon after its end, when a token that is only kept for a minute would still be known.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 40_000 });
    try {
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unauthenticated' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is verified anew after a minute', async () => {
    const { tokens } = api;
    const token = await api.issuer.sign({ sub: 'ada', exp: Math.floor(Date.now() / 1_000) + 3_600 });
    const principal = await tokens.verify(token);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    try {
      const later = await tokens.verify(token);
      expect(later).toEqual(principal);
      expect(later).not.toBe(principal);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('deciding is for people', () => {
  it('lets a person at an interactive client with the scope to decide in', async () => {
    expect((await inbox(await api.issuer.humanToken('olga'))).status).toBe(200);
  });

  it.each<[string, () => Promise<string>]>([
    ['an agent', () => api.issuer.agentToken('agent-billing')],
    ['a person without the scope', () => api.issuer.humanToken('olga', { scope: 'openid' })],
    ['a person at another client', () => api.issuer.humanToken('olga', { client_id: 'backend' })],
    ['a person with no client at all', () => api.issuer.sign({ sub: 'olga', scope: 'keyturn:decide' })],
    ['a person whose two client claims differ', () => api.issuer.humanToken('olga', { azp: 'keyturn-cli' })],
    ['somebody acting for a person', () => api.issuer.humanToken('olga', { act: { sub: 'agent-billing' } })],
    ['the client itself', () => api.issuer.humanToken('keyturn-web')],
    ['an application token', () => api.issuer.humanToken('olga', { idtyp: 'app' })],
    [
      'a scope that only looks alike',
      () => api.issuer.humanToken('olga', { scope: 'keyturn:decided xkeyturn:decide' }),
    ],
  ])('keeps %s out', async (_name, token) => {
    expect(await inbox(await token())).toMatchObject({
      status: 403,
      body: { code: 'machine_cannot_decide' },
    });
  });

  it.each<[string, () => Promise<string>, string]>([
    [
      'another client',
      () => api.issuer.humanToken('olga', { client_id: 'backend' }),
      'the token belongs to a program, since its client "backend" is not among `human.clients` of the issuer',
    ],
    [
      'no scope',
      () => api.issuer.humanToken('olga', { scope: 'openid' }),
      'the token lacks the scope to decide',
    ],
    ['a service', () => api.issuer.humanToken('olga', { idtyp: 'app' }), 'the token belongs to a program'],
  ])('says why it takes the token for that of a machine: %s', async (_name, token, cause) => {
    const { body } = await inbox(await token());
    expect(body['detail']).toBe(`This requires a person who signed in interactively: ${cause}.`);
  });

  it('keeps people out that the directory does not know, or no longer', async () => {
    const unknown = await inbox(await api.issuer.humanToken('stranger'));
    expect(unknown).toMatchObject({ status: 403, body: { code: 'reviewer_unknown' } });
    expect(unknown.body['detail']).toContain(`"stranger" at ${api.issuer.url}`);
    const inactive = await inbox(await api.issuer.humanToken('ines'));
    expect(inactive).toMatchObject({ status: 403, body: { code: 'reviewer_inactive' } });
  });
});

function junk(iss: unknown): string {
  const encoded = [
    { alg: 'EdDSA', kid: 'test' },
    { iss, sub: 'ada' },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return [...encoded, 'AAAA'].join('.');
}

async function symmetric(): Promise<string> {
  return new SignJWT({ sub: 'ada', iss: api.issuer.url, aud: 'keyturn', exp: NOW + 60 })
    .setProtectedHeader({ alg: 'HS256', kid: 'test' })
    .sign(new TextEncoder().encode('k'.repeat(32)));
}

async function otherKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA');
  return new SignJWT({ sub: 'ada', iss: api.issuer.url, aud: 'keyturn', exp: NOW + 60 })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
    .sign(privateKey);
}

function chain(length: number): object {
  return length === 0 ? { sub: 'last' } : { sub: `agent-${length}`, act: chain(length - 1) };
}
