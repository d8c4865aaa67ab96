import { parentPort, workerData } from 'node:worker_threads';

import { Backtest, type BacktestRecord, type BacktestReport } from '../../../policy-authoring/backtest.ts';
import type { PolicyPair } from './plan-publication.ts';

/** What the thread of a backtest begins with. */
export interface BacktestWork extends PolicyPair {
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

const { base, candidate, until, evaluatesMs } = workerData as BacktestWork;
const run = new Backtest(base, candidate);
const endsAt = performance.now() + evaluatesMs;
let looked = 0;

/** Takes records in while there is time, and says how it stands: only then more are sent. */
parentPort?.on('message', (records: readonly BacktestRecord[]) => {
  const before = looked;
  for (const record of records) {
    if (performance.now() >= endsAt) break;
    run.add(record);
    looked += 1;
  }
  const isLate = looked - before < records.length;
  const answer: BacktestAnswer = { lines: backtestLinesOf(run.report(), until), looked, isLate };
  parentPort?.postMessage(answer);
});

/** A report for reviewers. The instant is named so that the same records can be found again (`keyturn policy backtest --until`). */
function backtestLinesOf(report: BacktestReport, until: Date): readonly string[] {
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
