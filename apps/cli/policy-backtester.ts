import { setTimeout as sleep } from 'node:timers/promises';

import type { EntityManager } from 'typeorm';

import { backtestRecords, type RecordSpan } from '../../database/backtest-records.ts';
import { Backtest, type BacktestDifference, type BacktestReport } from '../../policy-authoring/backtest.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import { withDatabase } from './policy-database.ts';

interface Policies {
  readonly base: PolicySet;
  readonly candidate: PolicySet;
}

/** Evaluates the recorded requests of a span by both policies. */
export async function runBacktest(
  url: string,
  { base, candidate, span, limit }: Policies & { readonly span: RecordSpan; readonly limit: number },
): Promise<BacktestReport> {
  const run = new Backtest(base, candidate, { limit });
  await withDatabase(url, async (manager) => {
    for await (const { record } of backtestRecords(manager, span)) run.add(record);
  });
  return run.report();
}

/** What to follow, and where differences go. */
export interface Following extends Policies {
  readonly from: Date;
  readonly signal: AbortSignal;
  readonly show: (difference: BacktestDifference) => void;
}

const POLL_MS = 1_000;

/** An evaluation is dated before its transaction commits: what is younger than this may still appear. */
const LATE_MS = 60_000;

/** Reads new evaluations until the signal, and shows each on which the policies differ, once. */
export async function followRecords(url: string, following: Following): Promise<void> {
  await withDatabase(url, async (manager) => {
    const seen = new Map<string, number>();
    let from = following.from;
    while (!following.signal.aborted) {
      from = await showNew(manager, { ...following, from }, seen);
      await sleep(POLL_MS, undefined, { signal: following.signal }).catch(() => undefined);
    }
  });
}

/** Answers the instant from which the next read must see everything. */
async function showNew(
  manager: EntityManager,
  { base, candidate, from, show }: Following,
  seen: Map<string, number>,
): Promise<Date> {
  const until = new Date();
  const run = new Backtest(base, candidate, { limit: 0 });
  for await (const { id, record } of backtestRecords(manager, { since: from, until })) {
    if (seen.has(id)) continue;
    seen.set(id, until.getTime());
    const difference = run.add(record);
    if (difference) show(difference);
  }
  const next = new Date(Math.max(from.getTime(), until.getTime() - LATE_MS));
  for (const [id, at] of seen) if (at < next.getTime() - LATE_MS) seen.delete(id);
  return next;
}
