import { afterAll, beforeAll, describe, it } from 'vitest';

import { startStack } from '../stack/stack.ts';
import { expectUnharmed, lookalike, type FloodedStack } from './flooding.ts';
import { startLocalWorker } from './local-worker.ts';
import type { RawPayload } from './raw-signals.ts';
import { Desk } from './signed.ts';

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

/** Each costs most to read in its own way: bytes, a deep object, many objects, a text in a text. */
const COSTLY: readonly RawPayload[] = [
  { encoding: 'binary/plain', data: 'x'.repeat(6_000) },
  { encoding: 'json/plain', data: `${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}` },
  { encoding: 'json/plain', data: `[${'{},'.repeat(2_000)}1]` },
  { encoding: 'json/plain', data: JSON.stringify(JSON.stringify(JSON.stringify('x'.repeat(6_000)))) },
];

describe('a request that is flooded with signals still takes a decision, and nobody else notices', () => {
  it(
    'when they are costly to read',
    () =>
      expectUnharmed(flooded, {
        count: 1_000,
        payload: (index) => COSTLY[index % COSTLY.length] ?? lookalike(index),
      }),
    300_000,
  );

  it(
    'when each looks like an envelope, of which only so many are checked',
    () => expectUnharmed(flooded, { count: 1_000, payload: lookalike }),
    300_000,
  );

  it(
    'when the decision is amidst them',
    () =>
      expectUnharmed(flooded, {
        count: 500,
        payload: (index) => (index % 2 ? lookalike(index) : { encoding: 'json/plain', data: '"approve"' }),
        isDecidedAmidst: true,
      }),
    300_000,
  );
});
