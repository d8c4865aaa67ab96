import { ApplicationFailure } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createActivities, type Activities } from '../../activities/index.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;
const unheard = new Set<string>();

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack, { forged: { plan: planUnheard } });
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

/** The real step, whose first answer does not arrive, as where a worker dies after its commit. */
async function planUnheard(input: unknown, workflowId: string): Promise<unknown> {
  const planned = await createActivities(worker.dependencies).plan(
    input as Parameters<Activities['plan']>[0],
  );
  if (unheard.has(workflowId)) return planned;
  unheard.add(workflowId);
  throw ApplicationFailure.nonRetryable('Nobody heard the answer.', 'target_unreachable');
}

describe('a plan that was recorded and evaluated, and of which the workflow did not hear', () => {
  it('is decided on all the same', async () => {
    const id = await desk.ask();
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    await expect(stack.temporal.workflow.getHandle(id).result()).resolves.toBe('succeeded');
  });
});
