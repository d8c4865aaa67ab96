import { parentPort, workerData } from 'node:worker_threads';

import { Backtest, type BacktestDifference, type BacktestRecord } from '../policy-authoring/backtest.ts';
import { TIGHTENED_MAX, type BacktestStanding, type BacktestWork } from './backtest-work.ts';

const { base, candidate, evaluatesMs } = workerData as BacktestWork;
const run = new Backtest(base, candidate);
const tightened: BacktestDifference[] = [];
const endsAt = performance.now() + evaluatesMs;
let looked = 0;

/** Takes records in while there is time, and says how it stands: only then more are sent. */
parentPort?.on('message', (records: readonly BacktestRecord[]) => {
  const before = looked;
  for (const record of records) {
    if (performance.now() >= endsAt) break;
    const difference = run.add(record);
    if (difference && !difference.is_looser && tightened.length < TIGHTENED_MAX) tightened.push(difference);
    looked += 1;
  }
  const isLate = looked - before < records.length;
  const answer: BacktestStanding = { report: run.report(), tightened_first: tightened, looked, isLate };
  parentPort?.postMessage(answer);
});
