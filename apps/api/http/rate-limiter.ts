import { KeyturnError } from '../../../domain/errors.ts';

/** Remembered callers: the least recent are forgotten first, so memory is bounded. */
const CALLERS_MAX = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket per caller: `ratePerSecond` on average, twice that at once. Each process limits what it serves itself. */
export class RateLimiter {
  readonly #ratePerSecond: number;
  readonly #burst: number;
  readonly #clock: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(ratePerSecond: number, clock: () => number = () => performance.now()) {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = Math.max(1, ratePerSecond * 2);
    this.#clock = clock;
  }

  /** Takes one token. Answers 0, or the seconds until there is one. */
  take(caller: string): number {
    const bucket = this.#refilled(caller);
    if (bucket.tokens < 1) return (1 - bucket.tokens) / this.#ratePerSecond;
    bucket.tokens -= 1;
    return 0;
  }

  /** Takes one token, or refuses the caller. */
  admit(caller: string): void {
    const retryAfterSeconds = this.take(caller);
    if (retryAfterSeconds > 0)
      throw new KeyturnError('rate_limited', 'Too many calls. Slow down.', { retryAfterSeconds });
  }

  /** Charges for work that costs as much as several calls. A caller may owe tokens: its next call waits until they are paid. */
  charge(caller: string, calls: number): void {
    this.#refilled(caller).tokens -= calls;
  }

  #refilled(caller: string): Bucket {
    const now = this.#clock();
    const known = this.#buckets.get(caller) ?? { tokens: this.#burst, at: now };
    known.tokens = Math.min(this.#burst, known.tokens + ((now - known.at) / 1_000) * this.#ratePerSecond);
    known.at = now;
    this.#buckets.delete(caller);
    this.#buckets.set(caller, known);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > CALLERS_MAX && oldest !== undefined) this.#buckets.delete(oldest);
    return known;
  }
}
