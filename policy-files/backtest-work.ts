import type { BacktestDifference, BacktestReport } from '../policy-authoring/backtest.ts';
import type { PolicySet } from '../domain/policy/policy.ts';

/** A policy and the one that it is to follow on. */
export interface PolicyPair {
  readonly base: PolicySet;
  readonly candidate: PolicySet;
}

/** What the thread of a backtest begins with. */
export interface BacktestWork extends PolicyPair {
  /** After so many milliseconds no more records are taken in. */
  readonly evaluatesMs: number;
}

/** How many stricter evaluations are listed: as many as a report lists looser ones. */
export const TIGHTENED_MAX = 20;

/** How a backtest stands after some records. */
export interface BacktestStanding {
  readonly report: BacktestReport;
  /** The first ones that would be stricter. */
  readonly tightened_first: readonly BacktestDifference[];
  readonly looked: number;
  /** Not all of the records that were sent were looked at. */
  readonly isLate: boolean;
}
