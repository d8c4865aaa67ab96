import type { EntityManager } from 'typeorm';
import { expect, it } from 'vitest';

import { SnapshotReader } from '../../database/current-snapshot.ts';
import type { DirectoryReader } from '../../database/directory-reader.ts';
import type { PolicyReader } from '../../database/readers.ts';

const policies = { byDigest: async () => ({}) } as unknown as PolicyReader;
const directories = {
  ofGeneration: async (_: EntityManager, generation: string) => ({ generation, directory: {} }),
} as unknown as DirectoryReader;

function managerOf(query: () => Promise<unknown>): EntityManager {
  const runner = { connect: async () => ({ query }), release: async () => undefined };
  return { dataSource: { createQueryRunner: () => runner } } as unknown as EntityManager;
}

/** A database that answers on command, with what held when it was asked. */
class SlowDatabase {
  generation = 1;
  readonly #waiting: (() => void)[] = [];

  readonly manager = managerOf(() => this.#query());

  get asked(): number {
    return this.#waiting.length;
  }

  answer(index: number): void {
    this.#waiting[index]?.();
  }

  async #query(): Promise<unknown> {
    const row = { generation: '1', digest: 'sha256:x', directory_generation: String(this.generation) };
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return { rows: [row] };
  }
}

it('answers calls that come together by one question, never by one that was asked before they came', async () => {
  const database = new SlowDatabase();
  const reader = new SnapshotReader(policies, directories);
  const generationNow = async (): Promise<string> =>
    (await reader.now(database.manager)).directory.generation;
  const first = generationNow();
  await expect.poll(() => database.asked).toBe(1);
  database.generation = 2;
  const later = [generationNow(), generationNow(), generationNow()];
  database.answer(0);
  expect(await first).toBe('1');
  await expect.poll(() => database.asked).toBe(2);
  database.answer(1);
  expect(await Promise.all(later)).toEqual(['2', '2', '2']);
  expect(database.asked).toBe(2);
});

it('asks anew after a question that failed', async () => {
  let isAway = true;
  const query = async (): Promise<unknown> => {
    if (isAway) throw new Error('away');
    return { rows: [] };
  };
  const manager = managerOf(query);
  const reader = new SnapshotReader(policies, directories);
  const failed = [reader.now(manager), reader.now(manager)];
  await expect(Promise.all(failed)).rejects.toThrow('away');
  await Promise.allSettled(failed);
  isAway = false;
  expect((await reader.now(manager)).policy).toBeNull();
});
