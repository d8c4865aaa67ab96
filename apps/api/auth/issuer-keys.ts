import { setTimeout as delay } from 'node:timers/promises';

import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';

import { fetchKeySet, IssuerAway } from '../../../configuration/issuer-key-set.ts';
import type { Issuer } from '../../../configuration/issuers.ts';

/** Anybody can send tokens with unknown key names: the keys of an issuer are fetched at most once in this time. */
const COOLDOWN_MS = 2_000;
/** After an outage of the issuer, its last known keys are used for this time before the next attempt. */
const AWAY_MS = 15_000;
/** How long keys are used without fetching them again, including one that the issuer has removed since. */
const FRESH_MS = 600_000;
/** How long the last known keys are used while the issuer is unavailable. */
const KNOWN_MS_MAX = 24 * 3_600_000;
const WAITING_MAX = 200;

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
      this.#known = { find: createLocalJWKSet(await fetchKeySet(this.#issuer)), atMs: Date.now() };
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
