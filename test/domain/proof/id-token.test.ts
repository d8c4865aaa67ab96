import { createHmac } from 'node:crypto';

import {
  base64url,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWTPayload,
} from 'jose';
import { describe, expect, it } from 'vitest';

import {
  checkIdToken,
  type ExpectedIdToken,
  type IdTokenFault,
  type ProviderJwk,
} from '../../../domain/proof/id-token.ts';

const ISSUER = 'https://id.example';
const CLIENT = 'keyturn-console';
const AT = '2026-03-01T12:00:00.000Z';
const NOW = Date.parse(AT) / 1_000;
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

interface Signer {
  readonly alg: string;
  readonly key: CryptoKey;
  readonly jwk: ProviderJwk;
}

async function signerOf(alg: string, kid = alg): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } as ProviderJwk };
}

const signers = new Map(
  await Promise.all(ALGORITHMS.map(async (alg) => [alg, await signerOf(alg)] as const)),
);
const signer = (alg = 'ES256'): Signer => signers.get(alg) ?? expect.unreachable(alg);

const CLAIMS: JWTPayload = {
  iss: ISSUER,
  aud: CLIENT,
  sub: 'olga',
  nonce: 'of-this-decision',
  iat: NOW - 5,
  exp: NOW + 300,
  auth_time: NOW - 6,
};

function expected(more: Partial<ExpectedIdToken> = {}): ExpectedIdToken {
  return {
    issuer: ISSUER,
    client: CLIENT,
    subject: { claim: 'sub', value: 'olga' },
    nonce: 'of-this-decision',
    at: AT,
    toleranceSeconds: 60,
    keys: [...signers.values()].map(({ jwk }) => jwk),
    ...more,
  };
}

function sign(
  claims: JWTPayload = {},
  header: Readonly<Record<string, unknown>> = {},
  { alg, key, jwk } = signer(),
): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...claims })
    .setProtectedHeader({ alg, kid: String(jwk['kid']), ...header })
    .sign(key);
}

/** What the library says, of everything that it looks at. */
async function secondOpinion(token: string, { issuer, client, at, keys, toleranceSeconds }: ExpectedIdToken) {
  const options = {
    issuer,
    audience: client,
    algorithms: ALGORITHMS,
    currentDate: new Date(at),
    clockTolerance: toleranceSeconds,
    requiredClaims: ['sub', 'iat', 'exp', 'nonce'],
  };
  return jwtVerify(token, createLocalJWKSet({ keys: [...keys] }), options).then(
    () => true,
    () => false,
  );
}

/** A token of parts that no library makes. */
function compact(header: object, claims: object, signature = ''): string {
  return [header, claims].map((part) => base64url.encode(JSON.stringify(part))).join('.') + `.${signature}`;
}

describe.each(ALGORITHMS)('an ID token signed with %s', (alg) => {
  it('proves that the person signed in for this, and the library says so too', async () => {
    const token = await sign({}, {}, signer(alg));
    expect(checkIdToken(token, expected())).toEqual({
      ok: true,
      authenticatedAt: '2026-03-01T11:59:54.000Z',
    });
    expect(await secondOpinion(token, expected())).toBe(true);
  });

  it('proves nothing once a claim was changed, or by another key of that kind', async () => {
    const [header, , signature] = (await sign({}, {}, signer(alg))).split('.');
    const claims = base64url.encode(JSON.stringify({ ...CLAIMS, name: 'Olga' }));
    const stranger = await sign({}, {}, { ...(await signerOf(alg)) });
    for (const token of [`${header}.${claims}.${signature}`, stranger]) {
      expect(checkIdToken(token, expected())).toEqual({ ok: false, why: 'signature' });
      expect(await secondOpinion(token, expected())).toBe(false);
    }
  });
});

it.each<readonly [what: string, fault: IdTokenFault, claims: JWTPayload]>([
  ['of another issuer', 'other_issuer', { iss: 'https://id.example/' }],
  ['for another client', 'other_client', { aud: 'keyturn-cli' }],
  ['for several, that does not say which', 'other_client', { aud: [CLIENT, 'other'] }],
  ['for several, that says another', 'other_client', { aud: [CLIENT, 'other'], azp: 'other' }],
  ['given to another client', 'other_client', { azp: 'other' }],
  ['of another account', 'other_account', { sub: 'mallory' }],
  ['for another decision', 'other_nonce', { nonce: 'of-another' }],
  ['of a usual sign-in', 'other_nonce', { nonce: undefined }],
  ['that is over', 'not_in_force', { exp: NOW - 61 }],
  ['issued after the decision', 'not_in_force', { iat: NOW + 61 }],
  ['of a sign-in after the decision', 'not_in_force', { auth_time: NOW + 61 }],
  ['that does not say when the person signed in', 'no_sign_in_time', { auth_time: undefined }],
  ['of a sign-in at half a second', 'no_sign_in_time', { auth_time: NOW - 0.5 }],
  ['of a sign-in long ago', 'signed_in_too_early', { auth_time: NOW - 661 }],
  ['that is an access token', 'kind', { typ: 'Bearer' }],
  ['that is a logout token', 'kind', { events: {} }],
  ['that is bound to a key', 'kind', { cnf: {} }],
])('refuses a token %s (%s)', async (_what, why, claims) => {
  expect(checkIdToken(await sign(claims), expected())).toEqual({ ok: false, why });
});

it.each<readonly [what: string, fault: IdTokenFault, token: () => Promise<string> | string]>([
  ['with no signature', 'algorithm', () => compact({ alg: 'none', kid: 'ES256' }, CLAIMS)],
  [
    'signed with the public key as a secret',
    'algorithm',
    () => {
      const [header = '', claims = ''] = compact({ alg: 'HS256', kid: 'ES256' }, CLAIMS).split('.');
      const secret = JSON.stringify(signer().jwk);
      const signature = createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url');
      return `${header}.${claims}.${signature}`;
    },
  ],
  [
    'with an algorithm that every object has',
    'algorithm',
    () => compact({ alg: 'toString' }, CLAIMS, 'AAAA'),
  ],
  ['whose header says access token', 'kind', () => sign({}, { typ: 'at+jwt' })],
  ['of a key that is not known', 'unknown_key', () => sign({}, { kid: 'newer' })],
  ['that names a key of another kind', 'unknown_key', () => sign({}, { kid: 'RS256' })],
  [
    'that asks for more',
    'malformed',
    () => compact({ alg: 'ES256', crit: ['b64'], b64: false }, CLAIMS, 'AAAA'),
  ],
  ['with something behind it', 'malformed', async () => `${await sign()}=`],
  ['in two parts', 'malformed', async () => (await sign()).split('.').slice(0, 2).join('.')],
  ['that is too long', 'malformed', () => sign({ name: 'x'.repeat(70_000) })],
  ['that is none', 'malformed', () => 'a.b.c'],
])('refuses a token %s (%s)', async (_what, why, make) => {
  const token = await make();
  expect(checkIdToken(token, expected())).toEqual({ ok: false, why });
  // The library looks neither at the kind nor at the spelling.
  const isOursAlone = why === 'kind' || why === 'malformed';
  expect(!isOursAlone && (await secondOpinion(token, expected()))).toBe(false);
});

it.each([
  ['to encrypt with', { use: 'enc' }],
  ['not to verify with', { key_ops: ['sign'] }],
  ['for another algorithm', { alg: 'ES384' }],
  ['on no curve', { x: signer().jwk['y'] }],
])('knows no key %s', async (_what, of) => {
  const keys = [{ ...signer().jwk, ...of }];
  expect(checkIdToken(await sign(), expected({ keys }))).toEqual({ ok: false, why: 'unknown_key' });
});

it('knows no RSA key that can be broken', async () => {
  const { publicKey } = await crypto.subtle.generateKey(
    {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 1_024,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    true,
    ['sign', 'verify'],
  );
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'RS256' } as ProviderJwk];
  const token = await sign({}, {}, signer('RS256'));
  expect(checkIdToken(token, expected({ keys }))).toEqual({ ok: false, why: 'unknown_key' });
});

it('takes a key without a name, one of a name that was given twice, and another claim for the account', async () => {
  const { kid: _kid, ...nameless } = signer().jwk;
  const [token, other] = [await sign({}, { kid: undefined }), await sign({ oid: 'f3' })];
  expect(checkIdToken(token, expected({ keys: [nameless as ProviderJwk] }))).toMatchObject({ ok: true });
  const again = [(await signerOf('ES256')).jwk, signer().jwk];
  expect(checkIdToken(other, expected({ keys: again }))).toMatchObject({ ok: true });
  const subject = { claim: 'oid', value: 'f3' };
  expect(checkIdToken(other, expected({ subject }))).toMatchObject({ ok: true });
  const missing = { claim: 'toString', value: 'f3' };
  expect(checkIdToken(other, expected({ subject: missing }))).toEqual({ ok: false, why: 'other_account' });
});

it('goes by the clock of the issuer within what is allowed', async () => {
  const token = await sign({ iat: NOW + 100, exp: NOW - 100, auth_time: NOW + 100 });
  expect(checkIdToken(token, expected({ toleranceSeconds: 120 }))).toMatchObject({ ok: true });
  expect(checkIdToken(token, expected())).toEqual({ ok: false, why: 'not_in_force' });
});
