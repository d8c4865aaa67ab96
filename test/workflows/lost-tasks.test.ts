import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createActivities, type Activities } from '../../activities/index.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { junkOf, lookalike, replayError } from './flooding.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { flood, signalRaw } from './raw-signals.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

let release: () => void;
const released = new Promise<void>((resolve) => {
  release = resolve;
});
let calls = 0;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack, { forged: { consume: consumeWhenReleased } });
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

/** The real step, which takes until the test releases it. */
async function consumeWhenReleased(input: unknown): Promise<unknown> {
  calls += 1;
  await released;
  return createActivities(worker.dependencies).consume(input as Parameters<Activities['consume']>[0]);
}

async function waitForCalls(count: number): Promise<void> {
  await waitFor({
    what: `the step to be executed ${count} times`,
    check: () => Promise.resolve(calls >= count || undefined),
  });
}

/** More than a server lets wait for the end of a task. */
const SIGNALS = 120;

describe('a task that the server gives up amidst a step, because too many signals wait for its end', () => {
  it('is executed again, as the history says', async () => {
    const id = await desk.ask();
    await signalRaw(stack, { id, payload: lookalike(0) });
    await waitForCalls(1);
    await flood(stack, id, {
      count: SIGNALS,
      payload: () => ({ encoding: 'json/plain', data: '"approve"' }),
    });
    await waitForCalls(2);
    release();
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    await stack.temporal.workflow.getHandle(id).result();
    expect(await replayError(stack, id)).toBeNull();
    expect(await junkOf(stack, id)).toBe(1 + SIGNALS);
  });
});
