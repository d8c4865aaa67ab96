import type { BacktestRecord } from '../policy-authoring/backtest.ts';
import { isLate } from '../domain/execution/fair-pool.ts';
import type { BacktestStanding, BacktestWork, PolicyPair } from './backtest-work.ts';
import { BoundedThread, ThreadEnded } from './bounded-thread.ts';

/** How far back requests are shown to reviewers. */
export const SPAN_MS = 30 * 86_400_000;

/** Evaluations after which the rest is left out, and said to be. */
const RECORDS_MAX = 5_000;

/** How many are sent to the thread at once. */
const BATCH = 100;

/** How long records are taken in. Together with a check it fits into the time that a plan may take. */
const EVALUATES_MS = 10_000;

/** Ends a thread that does not come to an end of one record. */
const TIMEOUT_MS = 20_000;

/** What a backtest came to. */
export interface BoundedBacktest {
  /** Null where it ended before it had looked at anything. */
  readonly found: BacktestStanding | null;
  /** Why not all records were looked at: for want of time or room, or by a fault, with its reason. */
  readonly left: null | { readonly why: 'bounds' } | { readonly why: 'fault'; readonly reason: string };
}

/**
 * What a policy would have said of recorded requests: of as many as there is time for, in the order in which they come.
 * Everything is evaluated in a thread of its own, since anybody may propose a policy that takes long.
 */
export async function boundedBacktest(
  { base, candidate }: PolicyPair,
  records: AsyncIterable<BacktestRecord>,
): Promise<BoundedBacktest> {
  const data: BacktestWork = { base, candidate, evaluatesMs: EVALUATES_MS };
  const thread = new BoundedThread<BacktestStanding>({
    program: 'backtest-thread',
    beside: import.meta.url,
    data,
    timeoutMs: TIMEOUT_MS,
  });
  let found: BacktestStanding | null = null;
  try {
    for await (const batch of batches(records)) {
      found = await thread.next(batch);
      if (found.isLate || found.looked >= RECORDS_MAX) return { found, left: { why: 'bounds' } };
    }
    return { found, left: null };
  } catch (error) {
    if (error instanceof ThreadEnded && !error.isOutOfMemory)
      return { found, left: { why: 'fault', reason: error.reason } };
    if (isLate(error) || error instanceof ThreadEnded) return { found, left: { why: 'bounds' } };
    throw error;
  } finally {
    await thread.end();
  }
}

/** All records in batches. The first one is empty: it shows that the thread runs. */
async function* batches(records: AsyncIterable<BacktestRecord>): AsyncGenerator<readonly BacktestRecord[]> {
  let batch: BacktestRecord[] = [];
  yield batch;
  for await (const record of records) {
    batch.push(record);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
