import type { EntityManager } from 'typeorm';

import { backtestRecords } from '../../../database/backtest-records.ts';
import { Backtest, type BacktestReport } from '../../../domain/backtest.ts';
import type { PolicySet } from '../../../domain/policy.ts';

/** How far back a reviewer is told about. */
const SPAN_MS = 30 * 86_400_000;

/** Evaluations after which the rest is left out, and said to be. */
const RECORDS_MAX = 5_000;

const LEFT_OUT = `These are the oldest ${RECORDS_MAX} of them: keyturn policy backtest looks at all.`;

/**
 * What the candidate would have said of recorded requests, for reviewers. Up to an instant that the lines name, so that
 * they can be found again (`keyturn policy backtest --until`).
 */
export async function backtestLines(
  manager: EntityManager,
  { base, candidate }: { readonly base: PolicySet; readonly candidate: PolicySet },
  until: Date,
): Promise<readonly string[]> {
  const run = new Backtest(base, candidate);
  const span = { since: new Date(until.getTime() - SPAN_MS), until };
  let count = 0;
  for await (const { record } of backtestRecords(manager, span)) {
    if (count === RECORDS_MAX) return [...linesOf(run.report(), until), LEFT_OUT];
    run.add(record);
    count += 1;
  }
  return linesOf(run.report(), until);
}

function linesOf(report: BacktestReport, until: Date): readonly string[] {
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
