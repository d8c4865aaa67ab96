import type { EntityManager } from 'typeorm';
import { expect, it } from 'vitest';

import { DirectoryReader } from '../../database/directory-reader.ts';

const MANY = 700_000;
const LAPSE = { group: 'dba', person: 'olga', at: '2026-01-02T00:00:00.000Z' };

const group = (generation: string, members: number) => ({
  id: 'dba',
  members: Array.from<string>({ length: members }).fill(`one of ${generation}`),
  groups: [],
});

/** Answers each generation as the database would, and notes which were asked for. */
function managerOf(rowOf: (generation: string) => object): { manager: EntityManager; read: string[] } {
  const read: string[] = [];
  const query = async (_sql: string, [generation]: readonly string[]): Promise<object[]> => {
    read.push(generation ?? '');
    return [{ people: [], agents: [], groups: [], lapses: [], ...rowOf(generation ?? '') }];
  };
  return { manager: { query } as unknown as EntityManager, read };
}

it.each<readonly [string, (generation: string) => object]>([
  ['members of their groups', (generation) => ({ groups: [group(generation, MANY)] })],
  ['memberships that lapse', () => ({ lapses: Array.from({ length: MANY }, () => LAPSE) })],
  [
    'members that are left when others lapse',
    (generation) => ({ groups: [group(generation, MANY / 2)], lapses: [LAPSE] }),
  ],
])('directories are forgotten, the longest unused first, for the %s', async (_what, rowOf) => {
  const { manager, read } = managerOf(rowOf);
  const reader = new DirectoryReader();
  const at = new Date('2026-01-01T00:00:00.000Z');
  for (const generation of ['1', '2', '3', '3', '1']) await reader.ofGeneration(manager, generation, at);
  expect(read).toEqual(['1', '2', '3', '1']);
});

it('directories are kept for what they have in common with others', async () => {
  const { manager, read } = managerOf(() => ({ groups: [group('all', MANY)] }));
  const reader = new DirectoryReader();
  const at = new Date('2026-01-01T00:00:00.000Z');
  for (const generation of ['1', '2', '3', '4', '1']) await reader.ofGeneration(manager, generation, at);
  expect(read).toEqual(['1', '2', '3', '4']);
});
