import { setImmediate as turn } from 'node:timers/promises';

import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { every, type Loop } from '../../apps/every.ts';
import { openDataSource } from '../../apps/open-database.ts';
import { KeyturnError } from '../../domain/errors.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

const HOUR_MS = 3_600_000;
const log = pino({ level: 'silent' });
let sources: DataSource[] = [];

beforeAll(async () => {
  const { keyturn } = await createDatabases(`every_${takeNumber()}`);
  const open = () => openDataSource({ url: keyturn.worker, applicationName: 'test' });
  sources = await Promise.all([open(), open()]);
});
afterAll(async () => {
  await Promise.all(sources.map((source) => source.destroy()));
});

function loopOf(change: Partial<Loop> & Pick<Loop, 'signal'>, index = 0): Loop {
  const [source] = sources.slice(index);
  return { everyMs: 1, source: source as DataSource, lock: 'polling', log, failed: 'it failed', ...change };
}

it('is done by one at a time of all that share a lock, and goes on with another when one stops', async () => {
  const stops = [new AbortController(), new AbortController()];
  const runs = [0, 0];
  let [atOnce, most] = [0, 0];
  const start = (index: number) =>
    every(loopOf({ signal: (stops[index] as AbortController).signal }, index), async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      runs[index] = Number(runs[index]) + 1;
      for (let turns = 0; turns < 20; turns += 1) await turn();
      atOnce -= 1;
    });
  const loops = [start(0), start(1)];
  await vi.waitFor(() => expect(Number(runs[0]) + Number(runs[1])).toBeGreaterThan(20), 30_000);
  stops[0]?.abort();
  await loops[0];
  const before = Number(runs[1]);
  await vi.waitFor(() => expect(runs[1]).toBeGreaterThan(before + 5), 30_000);
  stops[1]?.abort();
  await loops[1];
  expect(most).toBe(1);
});

it('goes on after what fails, and logs it without the words of others', async () => {
  const stop = new AbortController();
  const logged = vi.spyOn(log, 'error');
  const errors = [new KeyturnError('unavailable', 'It is away.'), new TypeError('a secret')];
  let runs = 0;
  await every(loopOf({ signal: stop.signal, lock: null }), async () => {
    const error = errors[runs];
    runs += 1;
    if (error) throw error;
    stop.abort();
  });
  expect(runs).toBe(3);
  expect(logged.mock.calls).toEqual([
    [{ err: 'unavailable: It is away.' }, 'it failed'],
    [{ err: 'TypeError' }, 'it failed'],
  ]);
});

it('stops at once while it waits, and after its work while it works', async () => {
  const waiting = new AbortController();
  const done = vi.fn<() => void>();
  const loop = every(loopOf({ everyMs: HOUR_MS, signal: waiting.signal }), async () => done());
  await vi.waitFor(() => expect(done).toHaveBeenCalled(), 30_000);
  waiting.abort();
  await loop;

  const working = new AbortController();
  const steps: string[] = [];
  await every(loopOf({ everyMs: HOUR_MS, signal: working.signal }), async () => {
    working.abort();
    await turn();
    steps.push('ended');
  });
  expect(steps).toEqual(['ended']);
});
