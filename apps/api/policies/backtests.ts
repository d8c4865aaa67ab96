import { recordsOf } from '../../../database/backtest-records.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { ChecksBusy, FairPool } from '../../../domain/execution/fair-pool.ts';
import type { PolicyPair } from '../../../policy-files/backtest-work.ts';
import { boundedBacktest, SPAN_MS, type BoundedBacktest } from '../../../policy-files/bounded-backtest.ts';
import type { ApiContext } from '../context.ts';

/** A backtest with the span that it looked at. */
export interface KeptBacktest extends BoundedBacktest {
  readonly since: Date;
  readonly until: Date;
}

/** One backtest runs at a time, and few wait: each takes a thread, and reads thousands of records. */
const POOL = new FairPool({ slots: 1, waitingMax: 2 });

/** How long a result is shown again. What people did since changes little of a month. */
const KEPT_MS = 5 * 60_000;

/** Results that are kept. The longest unused is forgotten first. */
const KEPT_MAX = 8;

/** Backtests of this process: the same one is run once for all who look at it. */
export class Backtests {
  readonly #kept = new Map<string, { readonly endsMs: number; readonly result: Promise<KeptBacktest> }>();

  /** Refuses (`unavailable`) when too many wait. */
  async of(
    { source }: Pick<ApiContext, 'source'>,
    { key, person, policies }: { readonly key: string; readonly person: string; readonly policies: PolicyPair },
  ): Promise<KeptBacktest> {
    const kept = this.#kept.get(key);
    if (kept && kept.endsMs > Date.now()) return kept.result;
    const until = new Date();
    const span = { since: new Date(until.getTime() - SPAN_MS), until };
    const result = POOL.run(person, async () => ({
      ...(await boundedBacktest(policies, recordsOf(source.manager, span))),
      ...span,
    }));
    this.#keep(key, result);
    return result.catch((error: unknown) => {
      this.#kept.delete(key);
      if (!(error instanceof ChecksBusy)) throw error;
      throw new KeyturnError('unavailable', 'Other backtests are running. Try again in a minute.');
    });
  }

  #keep(key: string, result: Promise<KeptBacktest>): void {
    this.#kept.delete(key);
    this.#kept.set(key, { endsMs: Date.now() + KEPT_MS, result });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
  }
}
