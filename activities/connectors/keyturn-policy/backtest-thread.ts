import { parentPort, workerData } from 'node:worker_threads';

import { Backtest, type BacktestRecord } from '../../../policy-authoring/backtest.ts';
import { backtestLinesOf, type BacktestAnswer, type BacktestWork } from './backtest-lines.ts';

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
