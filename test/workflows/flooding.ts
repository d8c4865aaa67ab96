import { Worker } from '@temporalio/worker';
import { expect } from 'vitest';

import { compiled } from '../stack/databases.ts';
import type { Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, leavesOf, waitForLeaves } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { flood, type RawPayload } from './raw-signals.ts';
import type { Desk } from './signed.ts';

/** A stack with one worker in this process. */
export interface FloodedStack {
  readonly stack: Stack;
  readonly desk: Desk;
  worker: LocalWorker;
}

/** What is sent, and whether the decision comes with it or after it. */
export interface Flood {
  readonly count: number;
  readonly payload: (index: number) => RawPayload;
  readonly isDecidedAmidst?: boolean;
}

/** Like the first part of a signed envelope, and none. */
export function lookalike(index: number): RawPayload {
  return { encoding: 'json/plain', data: `"eyJ${index}.e30.AAAA"` };
}

const PATIENCE_MS = 240_000;

/**
 * Proves that a request takes its decision although it gets all of the flood in one task, the hardest case; that each
 * signal of it is on record; that a neighbour notices nothing; and that both histories replay.
 */
export async function expectUnharmed(running: FloodedStack, sent: Flood): Promise<void> {
  const { stack, desk } = running;
  const flooded = await desk.ask();
  const neighbour = await desk.ask();
  await running.worker.stop();
  await flood(stack, flooded, sent);
  if (sent.isDecidedAmidst) await desk.decide(flooded, 'olga');
  running.worker = await startLocalWorker(stack, { target: running.worker.target });
  await desk.decide(neighbour, 'olga');
  await waitForLeaves(stack, neighbour, { type: 'execution.succeeded', withinMs: PATIENCE_MS });
  await waitForJunk(stack, flooded, sent.count);
  if (!sent.isDecidedAmidst) await desk.decide(flooded, 'olga');
  await waitForLeaves(stack, flooded, { type: 'execution.succeeded', withinMs: PATIENCE_MS });
  expect(await junkOf(stack, flooded)).toBe(sent.count);
  expect(await courseOf(stack, neighbour)).toEqual(UNDISTURBED);
  for (const id of [neighbour, flooded]) {
    await stack.temporal.workflow.getHandle(id).result();
    expect(await brokenTasks(stack, id)).toEqual([]);
    expect(await replayError(stack, id)).toBeNull();
  }
}

const UNDISTURBED = [
  'request.received',
  'request.planned',
  'request.pending',
  'decision.counted',
  'request.approved',
  'execution.claimed',
  'execution.succeeded',
];

async function waitForJunk(stack: Stack, id: string, count: number): Promise<void> {
  await waitFor({
    what: `${count} ignored messages of ${id} to be on record`,
    withinMs: PATIENCE_MS,
    check: async () => ((await junkOf(stack, id)) >= count ? true : undefined),
    explain: async () => `so far ${await junkOf(stack, id)}`,
  });
}

/** How many ignored messages of a request are on record. */
export async function junkOf(stack: Stack, id: string): Promise<number> {
  return (await leavesOf(stack, id))
    .filter((leaf) => leaf.type === 'decision.unauthenticated')
    .reduce((sum, leaf) => sum + Number(leaf.facts['count']), 0);
}

/** Of a task that was never taken the server says the same as of one that took too long: it was for a worker that stopped. */
const START_TO_CLOSE = 1;

/** Workflow tasks that failed or took too long. */
async function brokenTasks(stack: Stack, id: string): Promise<unknown[]> {
  const { events } = await stack.temporal.workflow.getHandle(id).fetchHistory();
  return (events ?? []).flatMap((event) => {
    const failed = event.workflowTaskFailedEventAttributes;
    if (failed) return [failed.failure?.message];
    const timedOut = event.workflowTaskTimedOutEventAttributes;
    return Number(timedOut?.timeoutType) === START_TO_CLOSE ? ['took too long'] : [];
  });
}

/** Why a history does not replay, or null. */
export async function replayError(stack: Stack, id: string): Promise<unknown> {
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
