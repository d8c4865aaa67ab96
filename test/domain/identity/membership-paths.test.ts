import { expect, it } from 'vitest';

import { groupsOf, type Directory } from '../../../domain/identity/directory.ts';
import { membershipPaths } from '../../../domain/identity/membership-paths.ts';

const group = (id: string, members: readonly string[], groups: readonly string[] = []) => ({
  id,
  members,
  groups,
});

const DIRECTORY: Directory = {
  people: [],
  agents: [],
  groups: [
    group('inner', ['ada'], ['outer']),
    group('middle', [], ['inner']),
    group('outer', [], ['middle', 'inner']),
    group('other', ['olga']),
  ],
};

it('a path names every group between the one that names the person and the one they are in, by the shortest way', () => {
  expect([...membershipPaths(DIRECTORY, 'ada')]).toEqual([
    ['inner', ['inner']],
    ['middle', ['inner', 'middle']],
    ['outer', ['inner', 'outer']],
  ]);
});

it('the groups with a path are those that count for a decision, also where groups contain each other', () => {
  for (const id of ['ada', 'olga', 'nobody'])
    expect([...membershipPaths(DIRECTORY, id).keys()].toSorted()).toEqual(groupsOf(DIRECTORY, id).toSorted());
});
