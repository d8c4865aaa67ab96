import type { BacktestReport } from '../../../policy-authoring/backtest.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';

/** What the thread of a backtest begins with. */
export interface BacktestWork {
  readonly base: PolicySet;
  readonly candidate: PolicySet;
  /** Up to which instant records are read. */
  readonly until: Date;
  /** After so many milliseconds no more records are taken in. */
  readonly evaluatesMs: number;
}

/** How a backtest stands after some records. */
export interface BacktestAnswer {
  readonly lines: readonly string[];
  readonly looked: number;
  /** Not all of the records that were sent were looked at. */
  readonly isLate: boolean;
}

/** A report for reviewers. The instant is named so that the same records can be found again (`keyturn policy backtest --until`). */
export function backtestLinesOf(report: BacktestReport, until: Date): readonly string[] {
  const { evaluations, loosened, tightened, unsatisfiable, unknown = 0, insufficient, facts_erased } = report;
  const counts = [
    `${loosened} would be looser`,
    `${tightened} stricter`,
    `${unsatisfiable} could not be approved by anybody`,
    ...(unknown === 0 ? [] : [`${unknown} only by people who are known once they sign in`]),
    `${insufficient} were approved by too few for it`,
  ];
  const first = report.loosened_first.map(({ request }) => request).join(', ');
  return [
    `Of ${evaluations} evaluations recorded in the 30 days up to ${until.toISOString()}: ${counts.join(', ')}.`,
    ...(first === '' ? [] : [`Looser: ${first}${loosened > report.loosened_first.length ? ', …' : ''}`]),
    ...(facts_erased === 0 ? [] : [`Of ${facts_erased} the facts were erased: nothing is said of them.`]),
  ];
}
