import { fileURLToPath } from 'node:url';

import { NativeConnection, Worker } from '@temporalio/worker';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, executionsOf, verdictsOf } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { Desk, randomId } from './signed.ts';

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

/** Runs a worker with workflow code that is not ours while `work` goes on. */
async function withForeignWorker(taskQueue: string, work: () => Promise<void>): Promise<void> {
  const { address, namespace } = stack.temporalService;
  const connection = await NativeConnection.connect({ address });
  const foreign = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('./hostile-workflow.ts', import.meta.url)),
    activities: {},
    enableNonLocalActivities: false,
  });
  await foreign.runUntil(work());
  await connection.close();
}

type Call = (name: string, input: unknown) => Promise<unknown>;

function callsOf(handle: WorkflowHandle): Call {
  return (name, input) => handle.executeUpdate('call', { args: [name, input] });
}

const FAR_AHEAD = '2099-01-01T00:00:00.000Z';

function now(): string {
  return new Date().toISOString();
}

/** After the escalation of the usual rule, before its expiry. */
function longAgo(): string {
  return new Date(Date.now() - 45 * 60_000).toISOString();
}

describe('a workflow of somebody else that schedules our activities', () => {
  it('gets nothing done, for no request: each activity knows whose run it belongs to', async () => {
    const pending = await desk.ask();
    const closed = await desk.ask();
    await stack.temporal.workflow.getHandle(closed).terminate('to take its id');
    const planDigest = (await desk.row(pending))['plan_digest'];
    const envelopes = new Map<string, string>();
    for (const id of [pending, closed]) envelopes.set(id, await desk.decision(id, 'olga'));
    const { id: fresh, envelope } = await desk.signRequest({ target: 'shop-sandbox' });
    const before = await everyRow();
    await withForeignWorker('foreign', async () => {
      for (const workflowId of [closed, randomId('req')]) {
        const handle = await stack.temporal.workflow.start('privilegedAction', {
          workflowId,
          taskQueue: 'foreign',
          args: [],
        });
        const call = callsOf(handle);
        const messages = [{ kind: 'decide', body: envelopes.get(closed) }];
        const at = now();
        const refusals = [
          await call('receive', { request: envelope, at }),
          await call('receive', { request: (await desk.row(closed))['envelope'], at }),
          await call('plan', { attempt: 1, at, request: fresh }),
          await call('evaluate', { plan_digest: planDigest, attempt: 9, at }),
          await call('consume', { messages, junk: 5, step: 1, at }),
          await call('consumeLate', { messages, junk: 5, step: 1, at }),
          await call('escalate', { step: '1/x', since: longAgo(), at }),
          await call('expire', { step: '1', at: FAR_AHEAD }),
          await call('abandonPlanning', { step: '1', at }),
          await call('execute', { step: 1, at }),
        ];
        for (const refusal of refusals) {
          expect(['envelope_invalid', 'foreign_run', 'not_found']).toContain(
            (refusal as { refused?: string } | undefined)?.refused,
          );
        }
        await handle.terminate('done');
      }
    });
    expect(await everyRow()).toEqual(before);
    expect(worker.target.planned).not.toContain(fresh);
    expect(worker.target.effects).toEqual([]);
  });

  async function everyRow(): Promise<unknown[]> {
    const { rows } = await stack.keyturnDb.query('select * from keyturn.request order by id');
    const entries = await stack.keyturnDb.query('select count(*) as count from audit.entry');
    return [...rows, ...entries.rows];
  }
});

describe('a worker of somebody else that polls our own task queue', () => {
  it('can not make our activities act before people have approved, whatever it calls in which order', async () => {
    await worker.stop();
    worker = await startLocalWorker(stack, { target: worker.target, hasWorkflows: false });
    await withForeignWorker(stack.taskQueue, async () => {
      const request = await desk.signRequest({ target: 'shop' });
      const { id } = request;
      const call = callsOf(await desk.start(request));
      expect(await call('execute', { step: 1, at: now() })).toEqual({ refused: 'not_found' });
      await call('receive', { request: request.envelope, at: now() });
      // What is being planned is not to be executed yet.
      expect(await call('execute', { step: 1, at: now() })).toEqual({ kind: 'again' });
      const planned = (await call('plan', { attempt: 1, at: now() })) as { plan_digest: string };
      expect(await call('execute', { step: 2, at: now() })).toEqual({ refused: 'illegal_move' });
      // Backdated, as if the escalation after thirty minutes were long due.
      await call('evaluate', { plan_digest: planned.plan_digest, attempt: 1, at: longAgo() });
      expect(await call('execute', { step: 3, at: now() })).toEqual({ refused: 'illegal_move' });
      const messages = [
        { kind: 'decide', body: await desk.decision(id, 'petra') },
        { kind: 'decide', body: await desk.decision(id, 'ada') },
      ];
      await call('consume', { messages, junk: 0, step: 1, at: now() });
      expect((await verdictsOf(stack, id)).sort()).toEqual(['ada: self_approval', 'petra: not_eligible']);
      expect(await call('execute', { step: 4, at: now() })).toEqual({ refused: 'illegal_move' });
      // A deadline set by a date of the future would be later than policy allows.
      await call('evaluate', { plan_digest: planned.plan_digest, attempt: 2, at: FAR_AHEAD });
      const expiresAt = (await desk.row(id))['expires_at'] as Date;
      expect(expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + 3_600_000);
      expect(await executionsOf(stack, id)).toEqual([]);
      expect(await courseOf(stack, id)).not.toContain('execution.claimed');
      expect(effectsOf(id)).toBe(0);
    });
  });

  it('can not date a request so that it expires later or escalates earlier than policy says', async () => {
    await worker.stop();
    worker = await startLocalWorker(stack, { target: worker.target, hasWorkflows: false });
    await withForeignWorker(stack.taskQueue, async () => {
      const request = await desk.signRequest({ target: 'shop' });
      const call = callsOf(await desk.start(request));
      await call('receive', { request: request.envelope, at: FAR_AHEAD });
      const planned = (await call('plan', { attempt: 1, at: FAR_AHEAD })) as {
        plan_digest: string;
      };
      await call('evaluate', {
        plan_digest: planned.plan_digest,
        attempt: 1,
        at: FAR_AHEAD,
      });
      const row = await desk.row(request.id);
      expect((row['expires_at'] as Date).getTime()).toBeLessThanOrEqual(Date.now() + 3_600_000);
      expect((row['pending_since'] as Date).getTime()).toBeLessThanOrEqual(Date.now());
      // The sweeper looks for what was not touched for long.
      expect((row['updated_at'] as Date).getTime()).toBeLessThanOrEqual(Date.now());
      expect(await call('expire', { step: '1', at: FAR_AHEAD })).toEqual({ refused: 'unavailable' });
      expect((await desk.row(request.id))['status']).toBe('pending');
    });
  });
});
