import type { Horizon } from './feed-entries.ts';

/**
 * An id that is missing below the highest one seen belongs to a transaction that is still open or was rolled back. It is
 * read again until every transaction has ended that was open when it was missed, however long that takes, and then
 * for this long: a transaction has its number a moment after it takes an id.
 */
const SETTLE_MS = 1_000;
const GAPS_MAX = 10_000;

/** Why an id may still come. */
interface Gap {
  /** The first transaction number that was not given out when the id was missed. */
  readonly before: bigint;
  readonly sinceMs: number;
}

/** Ids of entries that may still come although later ones are there: the latest ten thousand of them. */
export class FeedGaps {
  /** The lowest first, or nearly so. */
  readonly #gaps = new Map<number, Gap>();

  /** The lowest of them; infinite without any. */
  get lowest(): number {
    return Math.min(...this.#gaps.keys());
  }

  ids(): readonly number[] {
    return [...this.#gaps.keys()];
  }

  /** Misses an id. */
  add(id: number, { next }: Horizon): void {
    const [oldest] = this.#gaps.keys();
    if (this.#gaps.size >= GAPS_MAX && oldest !== undefined) this.#gaps.delete(oldest);
    this.#gaps.set(id, { before: next, sinceMs: performance.now() });
  }

  /** Misses the ids from one to below another. */
  addAll(from: number, below: number, horizon: Horizon): void {
    for (let id = Math.max(from, below - GAPS_MAX); id < below; id += 1) this.add(id, horizon);
  }

  /** The entry has come. */
  close(id: number): void {
    this.#gaps.delete(id);
  }

  /** Forgets those of the ids, looked for in vain, that cannot come any more. */
  settle(missing: readonly number[], { oldestOpen }: Horizon): void {
    const now = performance.now();
    for (const id of missing) {
      const gap = this.#gaps.get(id);
      if (gap && gap.before <= oldestOpen && gap.sinceMs + SETTLE_MS <= now) this.#gaps.delete(id);
    }
  }
}
