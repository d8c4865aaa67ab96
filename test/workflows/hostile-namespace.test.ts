import { randomUUID } from 'node:crypto';

import { AsyncCompletionClient } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sweepOnce } from '../../activities/steps/sweep.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf, waitForLeaves } from './facts.ts';
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

function effectsOf(id: string): number {
  return worker.target.effects.filter((effect) => effect === id).length;
}

/** Restarts the worker so that it keeps books but executes no regular activity, or as usual. */
async function restartWorker({ isExecuting }: { readonly isExecuting: boolean }): Promise<void> {
  await worker.stop();
  worker = await startLocalWorker(stack, {
    target: worker.target,
    enableNonLocalActivities: isExecuting,
  });
}

async function sweep(): Promise<readonly string[]> {
  const { namespace } = stack.temporalService;
  return (await sweepOnce(worker.dependencies, { namespace, quietMs: 0 })).orphaned;
}

/** Completes an activity as anybody with access to the namespace can: by workflow and activity id. */
async function completeForged(workflowId: string, activity: string, result: unknown): Promise<void> {
  const handle = stack.temporal.workflow.getHandle(workflowId);
  const activityId = await waitFor({
    what: `${activity} of ${workflowId} to be scheduled`,
    check: async () => {
      const { raw } = await handle.describe();
      const pending = raw.pendingActivities?.find((found) => found.activityType?.name === activity);
      return pending?.activityId ?? undefined;
    },
  });
  const { connection, options } = stack.temporal;
  const client = new AsyncCompletionClient({ connection, namespace: options.namespace });
  await client.complete({ workflowId, activityId }, result);
}

describe('a forged completion of an activity', () => {
  it('of the plan opens nothing: a plan that was not stored does not exist', async () => {
    const other = await desk.ask();
    const foreignPlan = String((await desk.row(other))['plan_digest']);
    await restartWorker({ isExecuting: false });
    for (const plan_digest of [`sha256:${'0'.repeat(64)}`, foreignPlan]) {
      const { id, envelope } = await desk.signRequest();
      const handle = await desk.start({ id, envelope });
      await completeForged(id, 'plan', { kind: 'planned', plan_digest });
      await expect(handle.result()).rejects.toThrow('Workflow execution failed');
      expect(await desk.row(id)).toMatchObject({ status: 'planning', plan_digest: null, round: 0 });
      expect(await courseOf(stack, id)).toEqual(['request.received']);
    }
    await restartWorker({ isExecuting: true });
    await sweep();
  });

  it('of the execution marks nothing as done: the record stays, and the sweeper reports the request', async () => {
    const { id, envelope } = await desk.signRequest();
    const handle = await desk.start({ id, envelope });
    await stack.waitForStatus(id, 'pending');
    await restartWorker({ isExecuting: false });
    await desk.decide(id, 'olga');
    await completeForged(id, 'execute', { kind: 'closed', status: 'succeeded' satisfies RequestStatus });
    await handle.result();
    expect(await desk.row(id)).toMatchObject({ status: 'approved', result: null });
    expect(await executionsOf(stack, id)).toEqual([]);
    await restartWorker({ isExecuting: true });
    expect(await sweep()).toEqual([id]);
    expect(await desk.row(id)).toMatchObject({ status: 'cancelled', failure: { code: 'workflow_lost' } });
    expect(await courseOf(stack, id)).not.toContain('execution.succeeded');
    expect(effectsOf(id)).toBe(0);
  });

  it('of the execution as not done does not execute it twice, and what really happened is recorded', async () => {
    const id = await desk.ask();
    const handle = stack.temporal.workflow.getHandle(id);
    const release = worker.target.holdExecutions();
    await desk.decide(id, 'olga');
    await waitForLeaves(stack, id, { type: 'execution.claimed' });
    await completeForged(id, 'execute', { kind: 'again' });
    // The workflow goes back to planning, which the claim that is open does not allow.
    await expect(handle.result()).rejects.toThrow('Workflow execution failed');
    expect(await desk.row(id)).toMatchObject({ status: 'executing', round: 1 });
    release();
    await stack.waitForStatus(id, 'succeeded');
    expect(effectsOf(id)).toBe(1);
    expect(await executionsOf(stack, id)).toMatchObject([{ state: 'succeeded' }]);
  });
});

describe('a reset of a run', () => {
  async function tasksOf(id: string) {
    const { events } = await stack.temporal.workflow.getHandle(id).fetchHistory();
    return (events ?? [])
      .filter((event) => event.workflowTaskCompletedEventAttributes)
      .map((event) => event.eventId ?? null);
  }

  type Task = Awaited<ReturnType<typeof tasksOf>>[number];

  /** Resets to one of the completed workflow tasks, as an operator of the namespace can. Answers the new run. */
  async function reset(id: string, runId: string, task: Task | undefined): Promise<string> {
    const { runId: renewed } = await stack.temporal.workflowService.resetWorkflowExecution({
      namespace: stack.temporalService.namespace,
      workflowExecution: { workflowId: id, runId },
      reason: 'to do it again',
      workflowTaskFinishEventId: task ?? null,
      requestId: randomUUID(),
    });
    return renewed;
  }

  it.each([
    ['first', 0],
    ['last', -1],
  ])(
    'before the approval (to the %s task) does nothing in the new run, and the sweeper reports it',
    async (_which, task) => {
      const id = await desk.ask();
      await desk.decide(id, 'petra');
      await waitForLeaves(stack, id, { type: 'decision.refused' });
      const before = await desk.row(id);
      const run = await reset(id, String(before['run_id']), (await tasksOf(id)).at(task));
      const renewed = stack.temporal.workflow.getHandle(id, run);
      // The new run waits where the old one did, until a message makes it touch the record.
      await desk.decide(id, 'olga').catch(() => {});
      await expect(renewed.result()).rejects.toThrow('Workflow execution failed');
      expect(await desk.row(id)).toEqual(before);
      expect(effectsOf(id)).toBe(0);
      expect(await sweep()).toEqual([id]);
      expect(await desk.row(id)).toMatchObject({ status: 'cancelled' });
    },
  );

  it('after the execution does not execute the action a second time', async () => {
    const { id, envelope } = await desk.signRequest();
    const handle = await desk.start({ id, envelope });
    await stack.waitForStatus(id, 'pending');
    await desk.decide(id, 'olga');
    await expect(handle.result()).resolves.toBe('succeeded');
    const before = await desk.row(id);
    for (const task of await tasksOf(id)) {
      const run = await reset(id, String(before['run_id']), task);
      // Only what is in the history already may repeat its end; whatever would do something is refused.
      await stack.temporal.workflow
        .getHandle(id, run)
        .result()
        .catch(() => {});
    }
    expect(await desk.row(id)).toEqual(before);
    expect(effectsOf(id)).toBe(1);
    expect(await sweep()).toEqual([]);
  });
});

describe('a terminated run', () => {
  it('that waited for people is closed by the sweeper, without approval', async () => {
    const [id, alive] = [await desk.ask(), await desk.ask()];
    await stack.temporal.workflow.getHandle(id).terminate('gone');
    expect(await sweep()).toEqual([id]);
    expect(await desk.row(id)).toMatchObject({ status: 'cancelled', open_selectors: [] });
    expect((await desk.row(alive))['status']).toBe('pending');
    expect((await courseOf(stack, id)).at(-1)).toBe('request.orphaned');
  });

  it('that was executing is closed by what the target says: not done, and never done afterwards', async () => {
    const id = await desk.ask();
    const release = worker.target.holdExecutions();
    await desk.decide(id, 'olga');
    await waitForLeaves(stack, id, { type: 'execution.claimed' });
    await stack.temporal.workflow.getHandle(id).terminate('gone');
    expect(await sweep()).toEqual([id]);
    release();
    expect(await desk.row(id)).toMatchObject({ status: 'failed', failure: { code: 'workflow_lost' } });
    expect(await courseOf(stack, id)).toContain('execution.not_done');
    // The held run of the activity ends before the worker does.
    await restartWorker({ isExecuting: true });
    expect(effectsOf(id)).toBe(0);
    expect((await desk.row(id))['status']).toBe('failed');
  });
});
