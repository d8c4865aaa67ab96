import { createHash } from 'node:crypto';

import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

import { KeyturnError } from '../../../domain/errors.ts';
import { mayFetchFrom, type Issuer } from './issuers.ts';
import { isBearerAccessToken } from './token-kind.ts';
import { principalOf, type Principal } from './principal.ts';

const TOKEN_LENGTH_MAX = 16 * 1024;
const CLOCK_TOLERANCE_SECONDS = 5;
/** The keys of an issuer are believed for longer than this, so a token that is known for a while is not less current. */
const KNOWN_MS_MAX = 60_000;
const KNOWN_TOKENS_MAX = 5_000;
const FETCH_TIMEOUT_MS = 3_000;
/** Anybody can name keys that nobody has: of each issuer no more is asked than once in this time. */
const KEYS_COOLDOWN_MS = 5_000;
/** How long a key set is believed, also by which a key that the issuer removed is still taken. */
const KEYS_AGE_MS_MAX = 600_000;
const KEYS_BYTES_MAX = 512 * 1024;
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

interface KnownToken {
  readonly principal: Principal;
  readonly until: number;
}

/**
 * Turns bearer tokens into principals. Keys are fetched once and again when an unknown one appears, at most every 5 s.
 * Verifying is the dearest part of most calls, so a token that was verified is known for a minute. Whom it speaks for and
 * whether they are active is asked of the directory in every call: nothing here outlives a deactivation.
 */
export class TokenVerifier {
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #keys = new Map<string, Promise<JWTVerifyGetKey>>();
  /** By digest: tokens themselves are not kept. */
  readonly #known = new Map<string, KnownToken>();

  constructor(issuers: ReadonlyMap<string, Issuer>) {
    this.#issuers = issuers;
  }

  /**
   * The principal of a token. Refuses (`unauthenticated`) whatever is not a current token of a configured issuer for this
   * audience; `unavailable` when the issuer's keys cannot be had.
   */
  async verify(token: string): Promise<Principal> {
    if (token.length > TOKEN_LENGTH_MAX) throw refused();
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(digest);
    if (known && Date.now() < known.until) return known.principal;
    this.#known.delete(digest);
    const issuer = this.#issuerOf(token);
    const payload = await this.#verified(token, issuer);
    const principal = principalOf(payload, issuer);
    if (!principal) throw refused();
    this.#keep(digest, principal);
    return principal;
  }

  /** Never for longer than the token says. The longest known is forgotten first. */
  #keep(digest: string, principal: Principal): void {
    const until = Math.min(Date.now() + KNOWN_MS_MAX, principal.expiresAt.getTime());
    this.#known.set(digest, { principal, until });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_TOKENS_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  #issuerOf(token: string): Issuer {
    const issuer = this.#issuers.get(unverifiedIssuer(token) ?? '');
    if (!issuer) throw refused();
    return issuer;
  }

  async #verified(token: string, issuer: Issuer): Promise<unknown> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, await this.#keysOf(issuer), {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: [...issuer.algorithms],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['iss', 'sub', 'aud', 'exp'],
      });
      if (!isBearerAccessToken({ header: { ...protectedHeader }, claims: payload }, issuer)) throw refused();
      return payload;
    } catch (error) {
      throw isIssuerAway(error) ? away() : refused();
    }
  }

  #keysOf(issuer: Issuer): Promise<JWTVerifyGetKey> {
    const known = this.#keys.get(issuer.issuer);
    if (known) return known;
    const keys = findKeys(issuer);
    this.#keys.set(issuer.issuer, keys);
    // A discovery that failed is tried again with the next token.
    keys.catch(() => this.#keys.delete(issuer.issuer));
    return keys;
  }
}

function unverifiedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

async function findKeys(issuer: Issuer): Promise<JWTVerifyGetKey> {
  const address = issuer.jwks_uri ?? (await discover(issuer));
  return createRemoteJWKSet(new URL(address), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_AGE_MS_MAX,
    [customFetch]: boundedFetch,
  });
}

/** OpenID Connect Discovery 1.0 section 4: the answer must name exactly the issuer that was asked. */
async function discover(issuer: Issuer): Promise<string> {
  const address = `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const response = await boundedFetch(address, { signal, redirect: 'manual' });
  if (!response.ok) throw new IssuerAway();
  const found = discoverySchema.safeParse(await response.json().catch(() => null));
  if (!found.success || found.data.issuer !== issuer.issuer) throw new IssuerAway();
  if (!mayFetchFrom(found.data.jwks_uri, issuer)) throw new IssuerAway();
  return found.data.jwks_uri;
}

class IssuerAway extends Error {}

async function boundedFetch(address: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(address, init);
    const { status, headers } = response;
    return new Response(await boundedBody(response), { status, headers });
  } catch {
    // Also an answer that breaks off: it says nothing about a token.
    throw new IssuerAway();
  }
}

async function boundedBody(response: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > KEYS_BYTES_MAX) throw new IssuerAway();
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** The issuer's key set could not be fetched or read; anything else is a fault of the token. */
function isIssuerAway(error: unknown): boolean {
  if (error instanceof IssuerAway || error instanceof errors.JWKSTimeout) return true;
  return (
    error instanceof errors.JWKSInvalid ||
    (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC')
  );
}

function refused(): KeyturnError {
  return new KeyturnError('unauthenticated', 'This needs a current bearer token of a configured issuer.');
}

function away(): KeyturnError {
  return new KeyturnError('unavailable', 'The keys of the token issuer cannot be fetched now: try again.', {
    retryAfterSeconds: 2,
  });
}
