import { Client, Connection } from '@temporalio/client';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { reconsiderOnChange, type Reconsidering } from '../../apps/worker/loops/reconsiderer.ts';
import { generationsNow, generationsSeen, noteSeen } from '../../database/reconsideration.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { openDependencies, startLocalWorker, type LocalWorker } from './local-worker.ts';
import { activate, activePolicy, changeRequirement, withPolicy } from './policies.ts';
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

const requireTwo = changeRequirement('usual', (requirement) => ({
  ...requirement,
  stages: requirement.stages.map((stage) => ({ ...stage, quorum: 2 })),
}));
async function signalsOf(id: string): Promise<number> {
  const { events } = await stack.temporal.workflow.getHandle(id).fetchHistory();
  return (events ?? []).filter(
    (event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'reconsider',
  ).length;
}

/** A request whose workflow waits for people: while it works on a task, its server keeps signals out of its history. */
async function waiting(): Promise<string> {
  const id = await desk.ask();
  await waitFor({
    what: 'the workflow to wait',
    check: async () => {
      const { events } = await stack.temporal.workflow.getHandle(id).fetchHistory();
      return events?.some((event) => event.timerStartedEventAttributes) ? true : undefined;
    },
  });
  return id;
}

describe('a change of rules', () => {
  it('reaches the requests that it touches, and no other workflow', async () => {
    const connection = await Connection.connect({ address: stack.temporalService.address });
    const client = new Client({ connection, namespace: stack.temporalService.namespace });
    const stopping = new AbortController();
    const touched = await desk.ask();
    const untouched = await desk.ask({ target: 'shop-two-people' });
    const running = reconsiderOnChange({ ...worker.dependencies, client, signal: stopping.signal });
    try {
      await withPolicy(stack.keyturnDb, requireTwo, async () => {
        await waitFor({
          what: 'the second round of the touched request',
          check: async () => ((await desk.row(touched))['round'] === 2 ? true : undefined),
        });
        expect(await signalsOf(touched)).toBe(1);
        expect(await signalsOf(untouched)).toBe(0);
      });
    } finally {
      stopping.abort();
      await running;
      await connection.close();
    }
  });

  it('reaches those beside a request that cannot be read', async () => {
    const connection = await Connection.connect({ address: stack.temporalService.address });
    const client = new Client({ connection, namespace: stack.temporalService.namespace });
    const stopping = new AbortController();
    const ids = [await desk.ask(), await desk.ask()].sort();
    const [garbled = '', touched = ''] = ids;
    await stack.keyturnDb.query(`update keyturn.request set requirement = '{"rules": [5]}' where id = $1`, [
      garbled,
    ]);
    const running = reconsiderOnChange({ ...worker.dependencies, client, signal: stopping.signal });
    try {
      await withPolicy(stack.keyturnDb, requireTwo, async () => {
        await waitFor({
          what: 'the second round of the other request',
          check: async () => ((await desk.row(touched))['round'] === 2 ? true : undefined),
        });
      });
    } finally {
      stopping.abort();
      await running;
      await connection.close();
    }
  });

  it.each(['policies', 'directories'] as const)(
    'that comes while %s are read is notified once, and by what holds then',
    async (what) => {
      const connection = await Connection.connect({ address: stack.temporalService.address });
      const client = new Client({ connection, namespace: stack.temporalService.namespace });
      const stopping = new AbortController();
      const id = await waiting();
      // Nobody works on the hints: those notified still wait as before.
      await worker.stop();
      const dependencies = await openDependencies(stack, client, worker.target);
      const { policies, directories, source } = dependencies;
      const before = await activePolicy(stack.keyturnDb);
      let isChanged = false;
      const change = async (): Promise<void> => {
        if (!isChanged) await activate(stack.keyturnDb, requireTwo(before));
        isChanged = true;
      };
      const amidst = {
        policies: { active: async (manager: EntityManager) => change().then(() => policies.active(manager)) },
        directories: { now: async (manager: EntityManager) => change().then(() => directories.now(manager)) },
      };
      // Something to look at, so that the first pass reads at all.
      await noteSeen(source.manager, 'nothing');
      const reading = { ...dependencies, [what]: amidst[what], client, signal: stopping.signal };
      const running = reconsiderOnChange(reading as Reconsidering);
      try {
        await waitFor({
          what: 'everybody to be notified',
          check: async () =>
            isChanged && (await generationsSeen(source.manager)) === (await generationsNow(source.manager))
              ? true
              : undefined,
        });
        expect(await signalsOf(id)).toBe(1);
      } finally {
        stopping.abort();
        await running;
        await activate(stack.keyturnDb, before);
        await dependencies.source.destroy();
        await connection.close();
        worker = await startLocalWorker(stack, { target: worker.target });
      }
    },
  );

  it('reaches all of them though one cannot be notified, and notifies nobody twice', async () => {
    const connection = await Connection.connect({ address: stack.temporalService.address });
    const client = new Client({ connection, namespace: stack.temporalService.namespace });
    const stopping = new AbortController();
    const [first = '', deaf = '', last = ''] = [await waiting(), await waiting(), await waiting()].toSorted();
    let tries = 0;
    const refusing = {
      workflow: {
        getHandle: (id: string) =>
          id === deaf
            ? { signal: () => Promise.reject(new Error(`no more signals, ${(tries += 1)}`)) }
            : client.workflow.getHandle(id),
      },
    } as unknown as Client;
    // Nobody works on the hints: those notified still wait as before.
    await worker.stop();
    const dependencies = await openDependencies(stack, client, worker.target);
    const running = reconsiderOnChange({ ...dependencies, client: refusing, signal: stopping.signal });
    try {
      await withPolicy(stack.keyturnDb, requireTwo, async () => {
        await waitFor({
          what: 'another look at the one that cannot be notified',
          check: () => Promise.resolve(tries >= 3 ? true : undefined),
        });
        for (const id of [first, last]) expect(await signalsOf(id)).toBe(1);
      });
    } finally {
      stopping.abort();
      await running;
      await dependencies.source.destroy();
      await connection.close();
      worker = await startLocalWorker(stack, { target: worker.target });
    }
  });
});
