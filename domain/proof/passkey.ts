import { createHash, createPublicKey, verify, type JsonWebKey } from 'node:crypto';

import { z } from 'zod';

/** Longer ids of credentials, keys and answers of an authenticator are refused. */
const TEXT_LENGTH_MAX = 8_192;

const base64url = z
  .string()
  .min(1)
  .max(TEXT_LENGTH_MAX)
  .refine((text) => Buffer.from(text, 'base64url').toString('base64url') === text, 'must be base64url');

/** Bytes of a coordinate, or of an Ed25519 key. */
const bytes32 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);

/**
 * The public key of a passkey (RFC 7517), of the kinds that browsers are asked for: ES256, EdDSA, RS256. None for which
 * somebody signs who does not have the private one.
 */
export const passkeyJwkSchema = z.discriminatedUnion('kty', [
  z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: bytes32, y: bytes32 }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: bytes32 }).refine(isOfLargeOrder),
  z.strictObject({ kty: z.literal('RSA'), n: base64url, e: base64url }).refine(isStrong),
]);

/** RFC 7518, section 3.3; larger ones only make checks slow. */
const [RSA_BYTES_MIN, RSA_BYTES_MAX] = [256, 512];

/** Authenticators have this exponent. Under 1 everybody signs, without any key. */
const RSA_EXPONENT = 'AQAB';

function isStrong({ n, e }: { readonly n: string; readonly e: string }): boolean {
  const modulus = Buffer.from(n, 'base64url');
  const isWhole = ((modulus[0] ?? 0) & 0x80) !== 0;
  return isWhole && modulus.length >= RSA_BYTES_MIN && modulus.length <= RSA_BYTES_MAX && e === RSA_EXPONENT;
}

/**
 * Points of Ed25519 whose order divides eight, and other spellings of them (y, little-endian, without the sign): for these
 * everybody makes a signature that OpenSSL 3.0 lets hold, over whatever it is, without any key. Later ones refuse it.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]);

/** False for a point of small order. */
function isOfLargeOrder({ x }: { readonly x: string }): boolean {
  const bytes = Buffer.from(x, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(31) & 0x7f, 31);
  return !SMALL_ORDER.has(bytes.toString('hex'));
}

/** What an authenticator signs when a person uses a passkey (Web Authentication, section 6.3.3): all of it base64url. */
export const assertionSchema = z.strictObject({
  credential: base64url,
  authenticator_data: base64url,
  client_data: base64url,
  signature: base64url,
});

export type PasskeyJwk = z.infer<typeof passkeyJwkSchema>;
export type Assertion = z.infer<typeof assertionSchema>;

/** Which passkey is to be used, where, and for what. */
export interface ExpectedAssertion {
  readonly credential: string;
  readonly publicKey: PasskeyJwk;
  /** base64url, as the browser was given it. */
  readonly challenge: string;
  /** Of the page, as browsers write it. */
  readonly origin: string;
  readonly rpId: string;
}

/** Why an assertion proves nothing. */
export type AssertionFault =
  | 'malformed'
  | 'other_credential'
  | 'other_challenge'
  | 'other_origin'
  | 'other_site'
  | 'not_verified'
  | 'signature';

export type AssertionCheck =
  { readonly ok: true; readonly counter: number } | { readonly ok: false; readonly why: AssertionFault };

/**
 * True assertions are of this very passkey over this very challenge, made at this page, with the person verified by the
 * authenticator (a finger, a face, a PIN). The counter is for `counterGrows`: whether it does is known but once.
 */
export function checkAssertion(assertion: Assertion, expected: ExpectedAssertion): AssertionCheck {
  const shown = assertionSchema.safeParse(assertion).data;
  const client = shown && clientDataOf(shown.client_data);
  const authenticator = shown && authenticatorDataOf(shown.authenticator_data);
  if (!shown || !client || !authenticator) return { ok: false, why: 'malformed' };
  const { origin, crossOrigin: isFramed = false } = client;
  const { site, isVerified, counter } = authenticator;
  const holds: Readonly<Record<Exclude<AssertionFault, 'malformed'>, boolean>> = {
    other_credential: shown.credential === expected.credential,
    other_challenge: client.challenge === expected.challenge,
    other_origin: origin === expected.origin && !isFramed,
    other_site: site.equals(sha256(Buffer.from(expected.rpId))),
    not_verified: isVerified,
    signature: isSigned(shown, expected.publicKey),
  };
  const [why] = Object.entries(holds).flatMap(([name, isSo]) => (isSo ? [] : [name as keyof typeof holds]));
  return why === undefined ? { ok: true, counter } : { ok: false, why };
}

/**
 * False where a copy of the passkey may be about: authenticators that count say a higher number each time. Those that do
 * not count, as all do whose passkeys are synced, say 0 always.
 */
export function counterGrows(known: number, shown: number): boolean {
  return (known === 0 && shown === 0) || shown > known;
}

/** The site of passkeys at an address: its host without the port. */
export function siteOf(publicUrl: string): Pick<ExpectedAssertion, 'origin' | 'rpId'> {
  const { origin, hostname } = new URL(publicUrl);
  return { origin, rpId: hostname };
}

const clientDataSchema = z.looseObject({
  type: z.literal('webauthn.get'),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
  // Only of a page within another one.
  topOrigin: z.undefined().optional(),
});

function clientDataOf(text: string): z.infer<typeof clientDataSchema> | null {
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64url'));
    return clientDataSchema.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}

const SITE_BYTES = 32;
/** The hash of the site, the flags, the counter. */
const FIXED_BYTES = SITE_BYTES + 1 + 4;
const [PRESENT, VERIFIED, SYNCABLE, SYNCED, KEY_ATTACHED, EXTENDED] = [0x01, 0x04, 0x08, 0x10, 0x40, 0x80];

interface AuthenticatorData {
  readonly site: Buffer;
  readonly isVerified: boolean;
  readonly counter: number;
}

/** Section 6.1. A new key is attached at registration alone, and after the fixed part come extensions or nothing. */
function authenticatorDataOf(text: string): AuthenticatorData | null {
  const bytes = Buffer.from(text, 'base64url');
  const flags = bytes[SITE_BYTES] ?? 0;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const isWhole = has(EXTENDED) ? bytes.length > FIXED_BYTES : bytes.length === FIXED_BYTES;
  if (!isWhole || has(KEY_ATTACHED) || (has(SYNCED) && !has(SYNCABLE))) return null;
  return {
    site: bytes.subarray(0, SITE_BYTES),
    isVerified: has(PRESENT) && has(VERIFIED),
    counter: bytes.readUInt32BE(SITE_BYTES + 1),
  };
}

function isSigned(shown: Assertion, jwk: PasskeyJwk): boolean {
  const clientData = sha256(Buffer.from(shown.client_data, 'base64url'));
  const signed = Buffer.concat([Buffer.from(shown.authenticator_data, 'base64url'), clientData]);
  // Also of a row or an entry that somebody else wrote.
  if (!passkeyJwkSchema.safeParse(jwk).success) return false;
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    const digest = jwk.kty === 'OKP' ? null : 'sha256';
    return verify(digest, signed, key, Buffer.from(shown.signature, 'base64url'));
  } catch {
    // A point that is on no curve.
    return false;
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
