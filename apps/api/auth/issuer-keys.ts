import { setTimeout as delay } from 'node:timers/promises';

import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import { z } from 'zod';

import { boundedText, mayFetchFrom } from '../../../configuration/fetching.ts';
import type { Issuer } from './issuers.ts';

const FETCH_TIMEOUT_MS = 3_000;
/** Anybody can send tokens with unknown key names: the keys of an issuer are fetched at most once in this time. */
const COOLDOWN_MS = 2_000;
/** After an outage of the issuer, its last known keys are used for this time before the next attempt. */
const AWAY_MS = 15_000;
/** How long keys are used without fetching them again, including one that the issuer has removed since. */
const FRESH_MS = 600_000;
/** How long the last known keys are used while the issuer is unavailable. */
const KNOWN_MS_MAX = 24 * 3_600_000;
const WAITING_MAX = 200;
const BYTES_MAX = 512 * 1024;

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(1_000) });

/** The keys of the issuer are unavailable: that says nothing about a token. */
export class IssuerAway extends Error {}

/** No key of the issuer has the name that a token gives. */
export class UnknownKey extends Error {}

interface KnownKeys {
  readonly find: JWTVerifyGetKey;
  readonly atMs: number;
}

/**
 * The keys of one issuer, fetched again when they are old or a token names one that is not among them. While the issuer is
 * unavailable, the last known ones are used, for a day: an outage there must not stop approvals and kill switches here.
 */
export class IssuerKeys {
  readonly #issuer: Issuer;
  readonly #log: Logger;
  #known: KnownKeys | null = null;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #isAway = false;
  #fetching: Promise<void> | null = null;
  #waiting = 0;

  constructor(issuer: Issuer, log: Logger) {
    this.#issuer = issuer;
    this.#log = log;
  }

  /** The key of a token. Throws `IssuerAway` without any keys, `UnknownKey` when it is not among them. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const known = await this.#current();
    try {
      return await known.find(header, token);
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
    // Keys rotate: a name that is new here makes them be fetched again, after the cooldown.
    const newer = await this.#newerThan(known);
    try {
      return await newer.find(header, token);
    } catch (error) {
      throw isUnknown(error) ? new UnknownKey() : error;
    }
  };

  async #current(): Promise<KnownKeys> {
    const known = this.#known;
    const ageMs = known ? Date.now() - known.atMs : Number.POSITIVE_INFINITY;
    if (known && ageMs < FRESH_MS) return known;
    const isUsable = known !== null && ageMs < KNOWN_MS_MAX;
    if (isUsable && this.#isAway && Date.now() - this.#fetchedAtMs < AWAY_MS) return known;
    await this.#fetch().catch((error: unknown) => {
      if (!isUsable) throw error;
    });
    return this.#known ?? refuseAway();
  }

  /** Waits until the keys may be fetched again, with all other waiting calls. */
  async #newerThan(known: KnownKeys): Promise<KnownKeys> {
    if (this.#known === known) {
      // The token may be good, so this is no refusal of it.
      if (this.#waiting >= WAITING_MAX) throw new IssuerAway('too many calls wait for its keys');
      this.#waiting += 1;
      await this.#fetch().finally(() => {
        this.#waiting -= 1;
      });
    }
    return this.#known ?? refuseAway();
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchInTime().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetchInTime(): Promise<void> {
    await delay(Math.max(0, Math.min(COOLDOWN_MS, this.#fetchedAtMs + COOLDOWN_MS - Date.now())));
    this.#fetchedAtMs = Date.now();
    try {
      this.#known = { find: await fetchKeys(this.#issuer), atMs: Date.now() };
      if (this.#isAway) this.#log.info({ issuer: this.#issuer.issuer }, 'the keys of an issuer are back');
      this.#isAway = false;
    } catch (error) {
      this.#isAway = true;
      const { issuer } = this.#issuer;
      const ageSeconds = this.#known && Math.round((Date.now() - this.#known.atMs) / 1_000);
      const why = error instanceof IssuerAway ? error.message : 'unknown';
      this.#log.warn({ issuer, why, ageSeconds }, 'the keys of an issuer cannot be fetched');
      throw error;
    }
  }
}

function refuseAway(): never {
  throw new IssuerAway('no keys');
}

function isUnknown(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
}

async function fetchKeys(issuer: Issuer): Promise<JWTVerifyGetKey> {
  const address = issuer.jwks_uri ?? (await discover(issuer));
  const set = keySetSchema.safeParse(await fetchJson(address));
  if (!set.success) throw new IssuerAway('what it publishes is no key set');
  return createLocalJWKSet(set.data);
}

/** OpenID Connect Discovery 1.0 section 4: the answer must name exactly this issuer. */
async function discover(issuer: Issuer): Promise<string> {
  const address = `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = discoverySchema.safeParse(await fetchJson(address));
  if (!found.success) throw new IssuerAway('what it publishes is no discovery document');
  if (found.data.issuer !== issuer.issuer)
    throw new IssuerAway('its discovery document names another issuer');
  if (!mayFetchFrom(found.data.jwks_uri, issuer))
    throw new IssuerAway('its keys are not at an https address');
  return found.data.jwks_uri;
}

async function fetchJson(address: string): Promise<unknown> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const response = await fetch(address, { signal, redirect: 'manual' }).catch((error: unknown) => {
    throw new IssuerAway(causeOf(error));
  });
  if (response.status !== 200) throw new IssuerAway(`it answered ${response.status}`);
  try {
    const text = await boundedText(response, BYTES_MAX);
    if (text === null) throw new IssuerAway('its answer is too large');
    return JSON.parse(text) as unknown;
  } catch (error) {
    // Also an answer that breaks off: it says nothing about a token.
    throw error instanceof IssuerAway ? error : new IssuerAway('its answer cannot be read');
  }
}

/** The code of a failed connection, such as ECONNREFUSED: messages may hold addresses that nobody should read here. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name?: unknown; cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : String(name);
}
