import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import type { SignInIssuer } from '../../../configuration/issuers.ts';
import { principalOfSignIn } from '../../../apps/api/auth/principal.ts';
import { isBearerAccessToken } from '../../../apps/api/auth/token-kind.ts';
import { isIdToken } from '../../../domain/proof/id-token.ts';

/** ID tokens as each provider makes them, against what docs/identity-providers.md says to set. */

interface Shape {
  readonly issuer: Pick<SignInIssuer, 'issuer' | 'claims'>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly account: string;
}

const COMMON = { aud: 'console', exp: 2_000_000_000, iat: 1_900_000_000, nonce: 'n' };

const SHAPES: Readonly<Record<string, Shape>> = {
  Okta: {
    issuer: { issuer: 'https://example.okta.com/oauth2/aus1', claims: { client: 'cid', subject: 'uid' } },
    claims: { sub: '00u1olga', ver: 1, jti: 'ID.x', amr: ['pwd'], idp: '00o1', auth_time: 1, at_hash: 'h' },
    account: '00u1olga',
  },
  'Entra ID': {
    issuer: { issuer: 'https://sts.windows.net/72f988bf/', claims: { client: 'appid', subject: 'oid' } },
    claims: { sub: 'pairwise', oid: '9c1f-olga', tid: '72f988bf', ver: '2.0', rh: '0.x', uti: 'u' },
    account: '9c1f-olga',
  },
  Keycloak: {
    issuer: { issuer: 'https://login.example.com/realms/staff' },
    claims: { sub: 'f:1:olga', typ: 'ID', azp: 'console', sid: 's', acr: '1', at_hash: 'h' },
    account: 'f:1:olga',
  },
  Auth0: {
    issuer: { issuer: 'https://example.eu.auth0.com/' },
    claims: { sub: 'auth0|65olga', sid: 's' },
    account: 'auth0|65olga',
  },
  'Google Workspace': {
    issuer: { issuer: 'https://accounts.google.com' },
    claims: {
      azp: 'console',
      sub: '10769150350006150715',
      hd: 'example.com',
      email: 'olga@example.com',
      at_hash: 'h',
    },
    account: '10769150350006150715',
  },
};

/** Provider, scope and subject of each row of the documentation. */
function documented(): ReadonlyMap<string, { readonly scope: string; readonly subject: string }> {
  const text = readFileSync(new URL('../../../docs/identity-providers.md', import.meta.url), 'utf8');
  const rows = text.matchAll(/^\| ([^|]+?) +\| `(openid[^`]*)` +\| `(\w+)` +\|/gm);
  return new Map([...rows].map(([, name = '', scope = '', subject = '']) => [name, { scope, subject }]));
}

it('each provider of the documentation has a shape here', () => {
  expect([...documented().keys()]).toEqual(Object.keys(SHAPES));
});

describe.each(Object.entries(SHAPES))('an ID token of %s', (name, { issuer, claims, account }) => {
  const subject = documented().get(name)?.subject ?? '';
  const configured = {
    ...issuer,
    audience: 'keyturn',
    algorithms: ['RS256'],
    clock_tolerance_seconds: 60,
    console: { client_id: 'console', authentication: 'none', scope: 'openid', subject, trust: 'human' },
  } as SignInIssuer;
  const payload = { iss: issuer.issuer, ...COMMON, ...claims };

  it('is one, of a person, with the account that access tokens have', () => {
    expect(isIdToken({ header: { typ: 'JWT' }, claims: payload })).toBe(true);
    const principal = principalOfSignIn(payload, configured, new Date());
    expect(principal).toMatchObject({ isHuman: true, identity: { issuer: issuer.issuer, subject: account } });
  });

  it('is no access token', () => {
    expect(isBearerAccessToken({ header: { typ: 'JWT' }, claims: payload }, {})).toBe(false);
  });

  it('is refused without its account', () => {
    const without = { ...payload, [subject]: undefined };
    expect(() => principalOfSignIn(without, configured, new Date())).toThrow(/lacks a required claim/);
  });
});
