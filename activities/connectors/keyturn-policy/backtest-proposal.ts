import type { EntityManager } from 'typeorm';

import { backtestRecords } from '../../../database/backtest-records.ts';
import { isLate } from '../../../domain/execution/fair-pool.ts';
import type { BacktestRecord } from '../../../policy-authoring/backtest.ts';
import { BoundedThread, ThreadEnded } from '../../../policy-files/bounded-thread.ts';
import type { BacktestAnswer, BacktestWork } from './backtest-thread.ts';
import type { PolicyPair } from './plan-publication.ts';

/** How far back requests are shown to reviewers. */
const SPAN_MS = 30 * 86_400_000;

/** Evaluations after which the rest is left out, and said to be. */
const RECORDS_MAX = 5_000;

/** How many are sent to the thread at once. */
const BATCH = 100;

/** How long records are taken in. Together with a check it fits into the time that a plan may take. */
const EVALUATES_MS = 10_000;

/** Ends a thread that does not come to an end of one record. */
const TIMEOUT_MS = 20_000;

/**
 * What the proposal would have said of recorded requests, for reviewers: of as many as there is time for, the oldest
 * first, and what is left out is said to be. Everything is evaluated in a thread of its own, since anybody may propose a
 * policy that takes long.
 */
export async function backtestLines(
  manager: EntityManager,
  { base, candidate }: PolicyPair,
  until: Date,
): Promise<readonly string[]> {
  const data: BacktestWork = { base, candidate, until, evaluatesMs: EVALUATES_MS };
  const thread = new BoundedThread<BacktestAnswer>({
    program: 'backtest-thread',
    beside: import.meta.url,
    data,
    timeoutMs: TIMEOUT_MS,
  });
  const span = { since: new Date(until.getTime() - SPAN_MS), until };
  let answer: BacktestAnswer | null = null;
  try {
    for await (const records of batches(manager, span)) {
      answer = await thread.next(records);
      if (answer.isLate || answer.looked >= RECORDS_MAX) return leftOut(answer);
    }
    return answer === null ? [] : answer.lines;
  } catch (error) {
    if (error instanceof ThreadEnded && !error.isOutOfMemory) return brokenOff(answer, error);
    if (isLate(error) || error instanceof ThreadEnded) return leftOut(answer);
    throw error;
  } finally {
    await thread.end();
  }
}

function leftOut(answer: BacktestAnswer | null): readonly string[] {
  const { lines = [], looked = 0 } = answer ?? {};
  return [
    ...lines,
    `Only the oldest ${looked} recorded evaluations were looked at: keyturn policy backtest looks at all.`,
  ];
}

/** A fault is not shown as a lack of time or room. */
function brokenOff(answer: BacktestAnswer | null, { reason }: ThreadEnded): readonly string[] {
  const { lines = [], looked = 0 } = answer ?? {};
  return [
    ...lines,
    `Evaluating recorded requests ended with an error (${reason}) after the oldest ${looked}: look into the worker, and ` +
      'run keyturn policy backtest.',
  ];
}

/** All records in batches. The first one is empty: it shows that the thread runs. */
async function* batches(
  manager: EntityManager,
  span: Parameters<typeof backtestRecords>[1],
): AsyncGenerator<readonly BacktestRecord[]> {
  let batch: BacktestRecord[] = [];
  yield batch;
  for await (const { record } of backtestRecords(manager, span)) {
    batch.push(record);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
