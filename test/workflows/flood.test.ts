import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compiled } from '../stack/databases.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, leavesOf, waitForLeaves } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

/** One decision is to fit in: servers refuse the signals of a run after ten thousand. */
const FLOOD = 9_990;
const AT_ONCE = 90;

async function flood(id: string, bodyOf: (index: number) => unknown): Promise<void> {
  for (let sent = 0; sent < FLOOD; sent += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => desk.signal(id, bodyOf(sent + index))));
}

async function junkOf(id: string): Promise<number> {
  return (await leavesOf(stack, id))
    .filter((leaf) => leaf.type === 'decision.unauthenticated')
    .reduce((sum, leaf) => sum + Number(leaf.facts['count']), 0);
}

async function replayError(id: string): Promise<unknown> {
  const history = await stack.temporal.workflow.getHandle(id).fetchHistory();
  const replays = Worker.runReplayHistories(
    {
      workflowBundle: { codePath: compiled('workflow-bundle.js') },
      dataConverter: { payloadConverterPath: compiled('workflows/payload-converter.js') },
    },
    [{ workflowId: id, history }],
  );
  for await (const { error } of replays) return error ?? null;
  return 'not replayed';
}

describe('a request that is flooded with signals', () => {
  it.each([
    ['junk', () => 'approve'],
    ['what looks like envelopes', (index: number) => `eyJ${index}.e30.AAAA`],
  ])(
    'with %s still takes a decision, and its neighbours notice nothing of it',
    async (_what, bodyOf) => {
      const flooded = await desk.ask();
      await worker.stop();
      await flood(flooded, bodyOf);
      worker = await startLocalWorker(stack, { target: worker.target });
      const neighbours = await Promise.all([desk.ask(), desk.ask(), desk.ask()]);
      for (const id of neighbours) await desk.decide(id, 'olga');
      for (const id of neighbours) await stack.waitForStatus(id, 'succeeded');
      await desk.decide(flooded, 'olga');
      await stack.waitForStatus(flooded, 'succeeded');
      await waitForLeaves(stack, flooded, { type: 'execution.succeeded' });
      expect(await junkOf(flooded)).toBe(FLOOD);
      for (const id of neighbours) {
        expect(await courseOf(stack, id)).not.toContain('decision.unauthenticated');
        expect(await replayError(id)).toBeNull();
      }
      expect(await replayError(flooded)).toBeNull();
    },
    300_000,
  );
});
