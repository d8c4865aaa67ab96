import { constants, createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto';

import { z } from 'zod';

/** Longer tokens are refused before any parsing. */
export const ID_TOKEN_LENGTH_MAX = 64 * 1024;

/** Where an ID token is sealed for: its own place. */
export function idTokenContext(digest: string): string {
  return `${digest}/id_token`;
}

/** How long before a decision the person may have signed in for it. */
export const SIGNED_IN_SECONDS_MAX = 600;

/** Shorter RSA keys can be broken (RFC 7518, section 3.3). */
const RSA_BITS_MIN = 2_048;

/** A public key of an issuer (RFC 7517). */
export const providerJwkSchema = z.looseObject({ kty: z.enum(['EC', 'OKP', 'RSA']) });

export type ProviderJwk = z.infer<typeof providerJwkSchema>;

/** Whose ID token is wanted, for what, and when. */
export interface ExpectedIdToken {
  readonly issuer: string;
  /** The client for which it is issued. */
  readonly client: string;
  /** The account, by the claim of that name. */
  readonly subject: { readonly claim: string; readonly value: string };
  readonly nonce: string;
  /** The instant of the decision, RFC 3339. */
  readonly at: string;
  /** How far the clock of the issuer may lie from ours. */
  readonly toleranceSeconds: number;
  /** The keys of the issuer. */
  readonly keys: readonly ProviderJwk[];
}

/** Why an ID token proves nothing. */
export type IdTokenFault =
  | 'malformed'
  | 'algorithm'
  | 'kind'
  | 'other_issuer'
  | 'other_client'
  | 'other_account'
  | 'other_nonce'
  | 'not_in_force'
  | 'no_sign_in_time'
  | 'signed_in_too_early'
  | 'unknown_key'
  | 'signature';

export type IdTokenCheck =
  | { readonly ok: true; readonly authenticatedAt: string }
  | { readonly ok: false; readonly why: IdTokenFault };

/**
 * True ID tokens are signed by a key of this issuer, for this client, and say that this account signed in a moment before the
 * decision for this very nonce. With asymmetric algorithms alone: who could check another one could also forge it.
 */
export function checkIdToken(token: string, expected: ExpectedIdToken): IdTokenCheck {
  const read = readIdToken(token);
  if (!read) return { ok: false, why: 'malformed' };
  const fault = faultOfHeader(read) ?? faultOfClaims(read, expected) ?? faultOfSignature(read, expected.keys);
  const { auth_time: time = 0 } = read.claims;
  return fault === null
    ? { ok: true, authenticatedAt: new Date(time * 1_000).toISOString() }
    : { ok: false, why: fault };
}

/** OpenID Connect Core 1.0, section 2. */
const claimsSchema = z.looseObject({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1)]),
  azp: z.string().optional(),
  nonce: z.string().optional(),
  iat: z.number(),
  exp: z.number(),
  auth_time: z.number().optional(),
});

/** A header that asks for more than is done here (`crit`, `b64`) is of no form that is known. */
const headerSchema = z.looseObject({
  alg: z.string(),
  kid: z.string().optional(),
  crit: z.undefined().optional(),
  b64: z.undefined().optional(),
});

interface ReadIdToken {
  readonly header: z.infer<typeof headerSchema>;
  readonly claims: z.infer<typeof claimsSchema>;
  /** What is signed, and the signature. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** Null for what is no compact JWS of such claims. */
function readIdToken(token: string): ReadIdToken | null {
  const parts = token.length > ID_TOKEN_LENGTH_MAX ? [] : token.split('.');
  const [header = '', claims = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every(isBase64url)) return null;
  const read = {
    header: headerSchema.safeParse(jsonOf(header)).data,
    claims: claimsSchema.safeParse(jsonOf(claims)).data,
  };
  if (!read.header || !read.claims) return null;
  return {
    header: read.header,
    claims: read.claims,
    signed: `${header}.${claims}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** One text, one spelling. */
function isBase64url(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text;
}

function jsonOf(part: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url')));
  } catch {
    return null;
  }
}

function faultOfHeader({ header, claims }: ReadIdToken): IdTokenFault | null {
  if (!Object.hasOwn(ALGORITHMS, header.alg)) return 'algorithm';
  return isIdToken({ header, claims }) ? null : 'kind';
}

type Fields = Readonly<Record<string, unknown>>;

/** True for an ID token: nothing else that the same key signs for the same client tells who signed in. */
export function isIdToken({ header, claims }: { readonly header: Fields; readonly claims: Fields }): boolean {
  const type = mediaType(header['typ']);
  const uses = [claims['typ'], claims['token_use']].filter((use) => use !== undefined);
  return (
    (type === '' || type === 'jwt') &&
    uses.every((use) => typeof use === 'string' && use.toLowerCase() === 'id') &&
    ['cnf', 'events', 'toe'].every((claim) => claims[claim] === undefined)
  );
}

/** RFC 7515 section 4.1.9: `application/` may be left out, and case does not matter. Null: it cannot be read. */
export function mediaType(value: unknown): string | null {
  if (value === undefined) return '';
  return typeof value === 'string' ? value.toLowerCase().replace(/^application\//, '') : null;
}

function faultOfClaims({ claims }: ReadIdToken, expected: ExpectedIdToken): IdTokenFault | null {
  const { claim, value } = expected.subject;
  if (claims.iss !== expected.issuer) return 'other_issuer';
  if (!isFor(claims, expected.client)) return 'other_client';
  if (claims[claim] !== value) return 'other_account';
  if (claims.nonce !== expected.nonce) return 'other_nonce';
  return faultOfTimes(claims, expected);
}

/** Section 3.1.3.7: with several audiences it must say for whom of them it was issued. */
function isFor({ aud, azp }: ReadIdToken['claims'], client: string): boolean {
  const audiences = typeof aud === 'string' ? [aud] : aud;
  return audiences.includes(client) && (azp ?? (audiences.length > 1 ? null : client)) === client;
}

function faultOfTimes(
  { iat, exp, auth_time: signedInAt }: ReadIdToken['claims'],
  { at, toleranceSeconds }: ExpectedIdToken,
): IdTokenFault | null {
  const now = Date.parse(at) / 1_000;
  if (!(iat <= now + toleranceSeconds && exp > now - toleranceSeconds)) return 'not_in_force';
  if (signedInAt === undefined || !Number.isSafeInteger(signedInAt)) return 'no_sign_in_time';
  if (signedInAt > now + toleranceSeconds) return 'not_in_force';
  return signedInAt < now - SIGNED_IN_SECONDS_MAX - toleranceSeconds ? 'signed_in_too_early' : null;
}

/** By its name where the token says it; each that could have signed it, as names may be given again. */
function faultOfSignature(
  { header, signed, signature }: ReadIdToken,
  keys: readonly ProviderJwk[],
): 'unknown_key' | 'signature' | null {
  const algorithm = ALGORITHMS[header.alg];
  const usable = keys.flatMap((jwk) => {
    const isMeant = header.kid === undefined || jwk['kid'] === header.kid;
    const key = isMeant && algorithm && isToVerify(jwk, header.alg) ? keyOf(jwk) : null;
    return key && algorithm?.fits(key) ? [key] : [];
  });
  if (usable.length === 0) return 'unknown_key';
  const input = Buffer.from(signed);
  const isSigned = usable.some((key) =>
    verify(algorithm?.digest ?? null, input, { key, ...algorithm?.options }, signature),
  );
  return isSigned ? null : 'signature';
}

function isToVerify({ use, key_ops: uses, alg }: ProviderJwk, algorithm: string): boolean {
  const isToSign = use === undefined || use === 'sig';
  const isToCheck = uses === undefined || (Array.isArray(uses) && uses.includes('verify'));
  // RFC 9864 gives EdDSA with this curve a name of its own.
  const isSame = [alg, algorithm].every((name) => name === 'EdDSA' || name === 'Ed25519');
  return isToSign && isToCheck && (alg === undefined || alg === algorithm || isSame);
}

/** A point that is on no curve makes no key. */
function keyOf({ kty, crv, x, y, n, e }: ProviderJwk): KeyObject | null {
  try {
    return createPublicKey({ key: { kty, crv, x, y, n, e } as JsonWebKey, format: 'jwk' });
  } catch {
    return null;
  }
}

interface Algorithm {
  readonly digest: string | null;
  readonly options?: object;
  readonly fits: (key: KeyObject) => boolean;
}

const ofCurve =
  (curve: string) =>
  ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean =>
    type === 'ec' && details?.namedCurve === curve;

const isRsa = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean =>
  type === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS_MIN;

const isEd25519 = ({ asymmetricKeyType: type }: KeyObject): boolean => type === 'ed25519';

/** RFC 7518, section 3.4: two numbers, not ASN.1. */
const twoNumbers = { dsaEncoding: 'ieee-p1363' } as const;
/** Section 3.5: the salt is as long as the digest. */
const pss = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
} as const;

/** All of RFC 7518 and RFC 8037 that are asymmetric. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  EdDSA: { digest: null, fits: isEd25519 },
  Ed25519: { digest: null, fits: isEd25519 },
  ES256: { digest: 'sha256', options: twoNumbers, fits: ofCurve('prime256v1') },
  ES384: { digest: 'sha384', options: twoNumbers, fits: ofCurve('secp384r1') },
  ES512: { digest: 'sha512', options: twoNumbers, fits: ofCurve('secp521r1') },
  RS256: { digest: 'sha256', fits: isRsa },
  RS384: { digest: 'sha384', fits: isRsa },
  RS512: { digest: 'sha512', fits: isRsa },
  PS256: { digest: 'sha256', options: pss, fits: isRsa },
  PS384: { digest: 'sha384', options: pss, fits: isRsa },
  PS512: { digest: 'sha512', options: pss, fits: isRsa },
};
