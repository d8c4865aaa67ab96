import fs from 'node:fs';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { ADVISORY_LOCKS } from '../../database/advisory-locks.ts';
import { keepHouse } from '../../apps/worker/loops/housekeeping.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';

let stack: Stack;
let dependencies: Dependencies;
let stopping: AbortController;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
});
afterAll(async () => stack.stop());

beforeEach(async () => {
  dependencies = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  stopping = new AbortController();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await dependencies.source.destroy();
});

function start(): Promise<void> {
  const { namespace } = stack.temporalService;
  const client = stack.temporal;
  return keepHouse({ dependencies, client, namespace, sweepEveryMs: 1_000, signal: stopping.signal });
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  await waitFor({ what, check: async () => (isSo() ? true : undefined) });
}

describe('housekeeping', () => {
  it('says so when it does not run because somebody else holds its lock', async () => {
    const logged = vi.spyOn(dependencies.log, 'error');
    const stranger = new Client({ connectionString: stack.databases.keyturn.api });
    await stranger.connect();
    await stranger.query('select pg_advisory_lock($1)', [ADVISORY_LOCKS.housekeeping]);
    const running = start();
    const silences = () => logged.mock.calls.filter(([, message]) => String(message).startsWith('no sweep'));
    await until('the silence to be reported', () => silences().length > 0);
    await stranger.end();
    stopping.abort();
    await running;
    expect(silences()[0]?.[0]).toHaveProperty('silent_seconds');
  });

  it('says so when a pass never ends', async () => {
    const logged = vi.spyOn(dependencies.log, 'error');
    vi.spyOn(dependencies.source, 'query').mockReturnValue(new Promise(() => undefined));
    void start();
    await until('the silence to be reported', () =>
      logged.mock.calls.some(([, message]) => String(message).startsWith('no sweep')),
    );
    stopping.abort();
  });

  it('goes on when the clock of the worker was set back', async () => {
    const asked = vi.spyOn(dependencies.source, 'query');
    const sweeps = () =>
      asked.mock.calls.filter(([text]) => text.includes('join keyturn.request held')).length;
    const now = Date.now.bind(Date);
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 3 * 86_400_000);
    const running = start();
    await until('a sweep while it is ahead', () => sweeps() > 0);
    clock.mockRestore();
    const before = sweeps();
    await until('a sweep after it was set right', () => sweeps() > before);
    stopping.abort();
    await running;
  });
});

describe('locks of the workers', () => {
  it('differ from each other, and nothing else takes one by a number of its own', () => {
    const numbers = Object.values(ADVISORY_LOCKS);
    expect(new Set(numbers).size).toBe(numbers.length);
    const takers = ['activities', 'apps', 'database'].flatMap((folder) =>
      fs
        .readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => `${folder}/${file}`)
        .filter((file) => /pg_(?:try_)?advisory_lock\(/.test(fs.readFileSync(file, 'utf8'))),
    );
    expect(takers).toEqual(['database/advisory-locks.ts']);
  });
});
