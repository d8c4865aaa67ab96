import type { EntityManager } from 'typeorm';

import { recordsOf } from '../../../database/backtest-records.ts';
import type { BacktestReport } from '../../../policy-authoring/backtest.ts';
import type { PolicyPair } from '../../../policy-files/backtest-work.ts';
import { boundedBacktest, SPAN_MS } from '../../../policy-files/bounded-backtest.ts';

/**
 * What the proposal would have said of recorded requests, for reviewers: of as many as there is time for, the oldest
 * first, and what is left out is said to be.
 */
export async function backtestLines(
  manager: EntityManager,
  policies: PolicyPair,
  until: Date,
): Promise<readonly string[]> {
  const span = { since: new Date(until.getTime() - SPAN_MS), until };
  const { found, left } = await boundedBacktest(policies, recordsOf(manager, span));
  const lines = found === null ? [] : reportLines(found.report, until);
  const looked = found?.looked ?? 0;
  if (left === null) return lines;
  return [...lines, left.why === 'bounds' ? leftOut(looked) : brokenOff(looked, left.reason)];
}

function leftOut(looked: number): string {
  return `Only the oldest ${looked} recorded evaluations were looked at: keyturn policy backtest looks at all.`;
}

/** A fault is not shown as a lack of time or room. */
function brokenOff(looked: number, reason: string): string {
  return (
    `Evaluating recorded requests ended with an error (${reason}) after the oldest ${looked}: look into the worker, and ` +
    'run keyturn policy backtest.'
  );
}

/** A report for reviewers. The instant is named so that the same records can be found again (`keyturn policy backtest --until`). */
function reportLines(report: BacktestReport, until: Date): readonly string[] {
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
