import { createHash } from 'node:crypto';

import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Logger } from 'pino';

import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { IssuerAway } from '../../../configuration/issuer-key-set.ts';
import { IssuerKeys, UnknownKey } from './issuer-keys.ts';
import type { Issuer } from '../../../configuration/issuers.ts';
import { isBearerAccessToken } from './token-kind.ts';
import { principalOf, type Principal } from './principal.ts';
import { refusedToken } from './token-refusal.ts';

const TOKEN_LENGTH_MAX = 16 * 1024;
/** Less than the time for which the keys of an issuer are used, so a remembered token is no less current. */
const KNOWN_MS_MAX = 60_000;
const KNOWN_TOKENS_MAX = 5_000;

interface TrustedIssuer {
  readonly issuer: Issuer;
  readonly keys: IssuerKeys;
}

interface KnownToken {
  readonly principal: Principal;
  readonly until: number;
}

/**
 * Turns bearer tokens into principals. Verification is the most expensive part of most calls, so a verified token is
 * remembered for a minute. Its identities and whether they are active are looked up in the directory in every call:
 * nothing here outlives a deactivation.
 */
export class TokenVerifier {
  readonly #issuers: ReadonlyMap<string, TrustedIssuer>;
  /** By digest: tokens themselves are not kept. */
  readonly #known = new Map<string, KnownToken>();

  constructor(issuers: ReadonlyMap<string, Issuer>, log: Logger) {
    this.#issuers = new Map(
      [...issuers].map(([name, issuer]) => [name, { issuer, keys: new IssuerKeys(issuer, log) }]),
    );
  }

  /** The issuers whose tokens are accepted. */
  issuers(): readonly Issuer[] {
    return [...this.#issuers.values()].map(({ issuer }) => issuer);
  }

  /**
   * The principal of a token. Refuses (`unauthenticated`) anything but a current token of a configured issuer for this
   * audience, saying why; `unavailable` when the issuer's keys cannot be fetched.
   */
  async verify(token: string): Promise<Principal> {
    if (token.length > TOKEN_LENGTH_MAX) throw refusedToken('malformed');
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(digest);
    if (known && Date.now() < known.until) return known.principal;
    this.#known.delete(digest);
    const trusted = this.#issuerOf(token);
    const principal = principalOf(await verified(token, trusted), trusted.issuer);
    this.#keep(digest, principal);
    return principal;
  }

  /** Never for longer than the token is valid. The oldest is forgotten first. */
  #keep(digest: string, principal: Principal): void {
    const until = Math.min(Date.now() + KNOWN_MS_MAX, principal.expiresAt.getTime());
    this.#known.set(digest, { principal, until });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_TOKENS_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  #issuerOf(token: string): TrustedIssuer {
    const name: unknown = unverifiedClaims(token).iss;
    if (typeof name !== 'string') throw refusedToken('unreadable_claim', { claim: 'iss' });
    const trusted = this.#issuers.get(name);
    if (!trusted) throw refusedToken('unknown_issuer', { found: name });
    return trusted;
  }
}

function unverifiedClaims(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    throw refusedToken('malformed');
  }
}

async function verified(token: string, { issuer, keys }: TrustedIssuer): Promise<unknown> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
      issuer: issuer.issuer,
      audience: issuer.audience,
      algorithms: [...issuer.algorithms],
      clockTolerance: issuer.clock_tolerance_seconds,
      requiredClaims: ['iss', 'aud', 'exp'],
    });
    if (!isBearerAccessToken({ header: { ...protectedHeader }, claims: payload }, issuer))
      throw refusedToken('kind');
    return payload;
  } catch (error) {
    if (!(error instanceof IssuerAway)) throw refusalOf(error);
    const message = 'The keys of the token issuer cannot be fetched now. Try again.';
    throw new KeyturnError('unavailable', message, { retryAfterSeconds: 2 });
  }
}

/** What is wrong with a token, by the error of its verification. Claims are checked last, once it is genuine. */
export function refusalOf(error: unknown): KeyturnError {
  if (isKeyturnError(error)) return error;
  if (error instanceof UnknownKey) return refusedToken('unknown_key');
  if (error instanceof errors.JOSEAlgNotAllowed) return refusedToken('algorithm');
  if (error instanceof errors.JWSSignatureVerificationFailed) return refusedToken('signature');
  if (error instanceof errors.JWTExpired) return refusedToken('expired');
  if (error instanceof errors.JWTClaimValidationFailed) return refusalOfClaim(error);
  return refusedToken('malformed');
}

function refusalOfClaim({ claim, reason, payload }: errors.JWTClaimValidationFailed): KeyturnError {
  if (reason === 'missing') return refusedToken('missing_claim', { claim });
  if (reason === 'check_failed' && claim === 'aud')
    return refusedToken('audience', { found: JSON.stringify(payload.aud) });
  if (reason === 'check_failed' && claim === 'nbf') return refusedToken('not_yet_valid');
  return refusedToken('unreadable_claim', { claim });
}
