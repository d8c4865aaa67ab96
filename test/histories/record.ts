import { writeFile } from 'node:fs/promises';

import { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../stack/stack.ts';
import { startLocalWorker } from '../workflows/local-worker.ts';
import { Desk } from '../workflows/signed.ts';
import { PATHS, Scene } from './paths.ts';
import {
  fixtureFile,
  observedBundle,
  outcomesFile,
  replayAll,
  type Fixture,
  type Outcome,
} from './replay.ts';

/*
 * Records the histories that test/workflows/replay.test.ts replays: run when a path is added, and on purpose when the
 * workflow may change because no open request of it is left. Keys and databases are those of a throw-away stack.
 */
let stack: Stack;
let scene: Scene;
const recorded: Omit<Fixture, 'observations'>[] = [];

beforeAll(async () => {
  const started = await startStack({ apis: 0, workers: 0 });
  const { connection, options } = started.temporal;
  // The usual identity would put the name of this machine into the histories.
  const temporal = new Client({ connection, namespace: options.namespace, identity: 'keyturn-api' });
  stack = { ...started, temporal };
  scene = new Scene(await Desk.open(stack), await startLocalWorker(stack));
});

afterAll(async () => {
  await scene.stop();
  await stack.stop();
});

describe('recorded paths', () => {
  it.each(Object.entries(PATHS))('%s', async (name, { status, play }) => {
    const id = await play(scene);
    await stack.waitForStatus(id, status);
    const handle = stack.temporal.workflow.getHandle(id);
    await expect(handle.result()).resolves.toBe(status);
    const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as unknown;
    recorded.push({ name, workflow_id: id, status, history });
  });

  it('replay against the code that made them', async () => {
    const replayed = await replayAll(await observedBundle(), recorded);
    expect(replayed.map(({ error }) => error)).toEqual(recorded.map(() => null));
    const outcomes: Record<string, Outcome> = {};
    for (const { name, workflow_id, status, history } of recorded) {
      const observations = replayed.find((one) => one.name === name)?.observations ?? [];
      outcomes[name] = { workflow_id, status, observations };
      await writeFile(fixtureFile(name), `${JSON.stringify(history, withoutStackTraces)}\n`);
    }
    await writeFile(outcomesFile, `${JSON.stringify(outcomes, null, 1)}\n`);
  });
});

/** Replay does not read them, and they name folders of the machine that recorded. */
function withoutStackTraces(key: string, value: unknown): unknown {
  return key === 'stackTrace' ? undefined : value;
}
