import { createHash, generateKeyPairSync } from 'node:crypto';

import { verifyAuthenticationResponse } from '@simplewebauthn/server';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  checkAssertion,
  counterGrows,
  passkeyJwkSchema,
  siteOf,
  type Assertion,
  type AssertionFault,
  type ExpectedAssertion,
} from '../../../domain/proof/passkey.ts';
import { Authenticator, UP_UV, type Algorithm, type Ceremony } from './authenticator.ts';

const KINDS: readonly Algorithm[] = ['ES256', 'EdDSA', 'RS256'];
const SITE = siteOf('https://keyturn.example:8443');
const CEREMONY: Ceremony = { ...SITE, challenge: 'c2hhMjU2IG9mIGEgZGVjaXNpb24' };
const passkeys = new Map(KINDS.map((kind) => [kind, new Authenticator(kind)]));

function passkey(kind: Algorithm = 'ES256'): Authenticator {
  return passkeys.get(kind) ?? expect.unreachable();
}

function expected(of: Authenticator, more: Partial<ExpectedAssertion> = {}): ExpectedAssertion {
  return { ...CEREMONY, credential: of.credential, publicKey: of.jwk, ...more };
}

/** What the library for servers says. */
async function secondOpinion(assertion: Assertion, of: Authenticator): Promise<boolean> {
  const { credential: id, authenticator_data, client_data, signature } = assertion;
  const answer = verifyAuthenticationResponse({
    response: {
      id,
      rawId: id,
      type: 'public-key',
      clientExtensionResults: {},
      response: { authenticatorData: authenticator_data, clientDataJSON: client_data, signature },
    },
    expectedChallenge: CEREMONY.challenge,
    expectedOrigin: SITE.origin,
    expectedRPID: SITE.rpId,
    requireUserVerification: true,
    credential: { id: of.credential, publicKey: Uint8Array.from(of.coseKey()), counter: 0 },
  });
  return answer.then(
    ({ verified }) => verified,
    () => false,
  );
}

describe.each(KINDS)('an assertion by a key for %s', (kind) => {
  it('proves that its person was verified, and the library says so too', async () => {
    const of = passkey(kind);
    expect(passkeyJwkSchema.parse(of.jwk)).toEqual(of.jwk);
    const assertion = of.assert({ ...CEREMONY, counter: 7 });
    expect(checkAssertion(assertion, expected(of))).toEqual({ ok: true, counter: 7 });
    expect(await secondOpinion(assertion, of)).toBe(true);
  });

  it('proves nothing with another bit anywhere', async () => {
    const of = passkey(kind);
    const assertion = of.assert(CEREMONY);
    const part = fc.constantFrom('authenticator_data', 'client_data', 'signature', 'credential' as const);
    await fc.assert(
      fc.asyncProperty(part, fc.nat(), fc.integer({ min: 0, max: 7 }), async (name, at, bit) => {
        const bytes = Buffer.from(assertion[name], 'base64url');
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        const changed = { ...assertion, [name]: bytes.toString('base64url') };
        expect(checkAssertion(changed, expected(of)).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe('an assertion proves nothing', () => {
  const wrong: readonly (readonly [AssertionFault, string, Partial<Ceremony>])[] = [
    ['other_challenge', 'over another challenge', { challenge: 'YW5vdGhlciBkZWNpc2lvbg' }],
    ['other_origin', 'at another port of the host', { origin: 'https://keyturn.example' }],
    ['other_origin', 'at a page within another one', { client: { crossOrigin: true } }],
    ['malformed', 'at a page within a named one', { client: { topOrigin: 'https://evil.example' } }],
    ['malformed', 'made at a registration', { client: { type: 'webauthn.create' } }],
    ['other_site', 'for another site', { rpId: 'example' }],
    ['not_verified', 'without the person being verified', { flags: 0x01 }],
    ['not_verified', 'without anybody being there', { flags: 0x04 }],
    ['malformed', 'with a new key in it', { flags: UP_UV | 0x40 }],
    ['malformed', 'with extensions that are not there', { flags: UP_UV | 0x80 }],
  ];
  it.each(wrong)('(%s) %s', async (why, _what, more) => {
    const of = passkey();
    const assertion = of.assert({ ...CEREMONY, ...more });
    expect(checkAssertion(assertion, expected(of))).toEqual({ ok: false, why });
  });

  it('by the passkey of another person, also under the name of this one', () => {
    const [own, other] = [passkey(), new Authenticator()];
    expect(checkAssertion(other.assert(CEREMONY), expected(own))).toMatchObject({ why: 'other_credential' });
    const renamed = { ...other.assert(CEREMONY), credential: own.credential };
    expect(checkAssertion(renamed, expected(own))).toMatchObject({ why: 'signature' });
  });

  it('in another spelling of the same bytes', () => {
    const of = passkey();
    const assertion = of.assert(CEREMONY);
    for (const name of ['authenticator_data', 'client_data', 'signature'] as const)
      for (const spelt of [`${assertion[name]}=`, `${assertion[name]}\n`, ''])
        expect(checkAssertion({ ...assertion, [name]: spelt }, expected(of))).toMatchObject({
          why: 'malformed',
        });
  });

  it('with a key that is none, or of another kind', () => {
    const of = passkey();
    const none = { ...of.jwk, y: 'A'.repeat(43) } as typeof of.jwk;
    expect(checkAssertion(of.assert(CEREMONY), expected(of, { publicKey: none }))).toMatchObject({
      ok: false,
    });
    const other = passkey('RS256').jwk;
    expect(checkAssertion(of.assert(CEREMONY), expected(of, { publicKey: other }))).toMatchObject({
      why: 'signature',
    });
    for (const jwk of [
      { ...of.jwk, d: 'x' },
      { kty: 'oct', k: 'AAAA' },
      { ...of.jwk, crv: 'P-384' },
    ])
      expect(passkeyJwkSchema.safeParse(jwk).success).toBe(false);
  });
});

describe('a key for which anybody signs', () => {
  /** Over what is asked, by nobody in particular. */
  function forged(signature: (signed: Buffer) => Buffer): Assertion {
    const assertion = passkey().assert(CEREMONY);
    const [data, client] = [assertion.authenticator_data, assertion.client_data].map((part) =>
      Buffer.from(part, 'base64url'),
    );
    const hash = createHash('sha256')
      .update(client ?? '')
      .digest();
    return { ...assertion, signature: signature(Buffer.concat([data ?? hash, hash])).toString('base64url') };
  }

  it('is refused, though its signature holds: RSA with the exponent 1', () => {
    const publicKey = { kty: 'RSA', n: Buffer.alloc(256, 0xff).toString('base64url'), e: 'AQ' } as const;
    // What is signed is its own signature (RFC 8017, section 9.2).
    const padded = (signed: Buffer): Buffer => {
      const digest = createHash('sha256').update(signed).digest();
      const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
      const filled = Buffer.alloc(256 - 3 - info.length - digest.length, 0xff);
      return Buffer.concat([Buffer.from([0, 1]), filled, Buffer.from([0]), info, digest]);
    };
    const check = checkAssertion(forged(padded), expected(passkey(), { publicKey }));
    expect(check).toEqual({ ok: false, why: 'signature' });
    expect(passkeyJwkSchema.safeParse(publicKey).success).toBe(false);
  });

  it.each(['00', '80'])('is refused, as not every library does: a point of small order (sign %s)', (sign) => {
    const point = Buffer.concat([Buffer.from([1]), Buffer.alloc(30), Buffer.from(sign, 'hex')]);
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') } as const;
    const nothing = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
    const check = checkAssertion(
      forged(() => nothing),
      expected(passkey(), { publicKey }),
    );
    expect(check).toEqual({ ok: false, why: 'signature' });
    expect(passkeyJwkSchema.safeParse(publicKey).success).toBe(false);
  });

  it('is refused where it is an RSA key that can be broken', () => {
    const { publicKey: weak } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    expect(passkeyJwkSchema.safeParse(weak.export({ format: 'jwk' })).success).toBe(false);
  });
});

it('whatever the library refuses of what is well signed, is refused', async () => {
  const flags = fc.integer({ min: 0, max: 255 }).map((value) => value & ~0xc0);
  await fc.assert(
    fc.asyncProperty(flags, fc.constantFrom(...KINDS), async (value, kind) => {
      const of = passkey(kind);
      const assertion = of.assert({ ...CEREMONY, flags: value });
      if (checkAssertion(assertion, expected(of)).ok) expect(await secondOpinion(assertion, of)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('a counter grows, or is never used', () => {
  expect([counterGrows(0, 0), counterGrows(0, 1), counterGrows(4, 5)]).toEqual([true, true, true]);
  expect([counterGrows(1, 0), counterGrows(5, 5), counterGrows(5, 4)]).toEqual([false, false, false]);
});

it('the site is the host without its port', () => {
  expect(siteOf('http://localhost:7080/')).toEqual({ origin: 'http://localhost:7080', rpId: 'localhost' });
});
