import type { PolicySet } from '../../domain/policy/policy.ts';
import { Backtest, type BacktestRecord, type BacktestReport } from '../../policy-authoring/backtest.ts';

/** Evaluates every record by both policies. */
export function backtest(
  records: Iterable<BacktestRecord>,
  base: PolicySet,
  candidate: PolicySet,
): BacktestReport {
  const run = new Backtest(base, candidate);
  for (const record of records) run.add(record);
  return run.report();
}
