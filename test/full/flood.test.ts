import { afterAll, beforeAll, describe, it } from 'vitest';

import { startStack } from '../stack/stack.ts';
import { expectUnharmed, lookalike, type FloodedStack } from '../workflows/flooding.ts';
import { startLocalWorker } from '../workflows/local-worker.ts';
import { Desk } from '../workflows/signed.ts';

let flooded: FloodedStack;

beforeAll(async () => {
  const stack = await startStack({ apis: 0, workers: 0 });
  const worker = await startLocalWorker(stack);
  flooded = { stack, worker, desk: await Desk.open(stack) };
});

afterAll(async () => {
  await flooded.worker.stop();
  await flooded.stack.stop();
});

/** One decision is to fit in: servers refuse the signals of a run after ten thousand. */
const COUNT = 9_990;

describe('a request with as many signals as a server takes', () => {
  it('still takes a decision that is the last of them, and nobody else notices', () =>
    expectUnharmed(flooded, {
      count: COUNT,
      payload: (index) =>
        index % 100 === 0 ? lookalike(index) : { encoding: 'json/plain', data: '"approve"' },
      isDecidedAmidst: true,
    }));
});
