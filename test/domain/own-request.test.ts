import { describe, expect, it } from 'vitest';

import type { Directory, Person } from '../../domain/directory.ts';
import type { Identity, Lineage } from '../../domain/identity.ts';
import { standsBehind } from '../../domain/own-request.ts';
import { shortagesOf } from '../../domain/satisfiable.ts';
import { outcome } from './decisions.ts';
import { demand, DIRECTORY, examplePerson, ISSUER, requirement, stage } from './examples.ts';

const account = (subject: string): Identity => ({ issuer: ISSUER, subject });
const person = (id: string, subjects: readonly string[]): Person =>
  examplePerson(id, { accounts: subjects.map(account) });
const directory = (...people: readonly Person[]): Directory => ({
  ...DIRECTORY,
  people,
  agents: [],
  groups: [{ id: 'all', members: people.map(({ id }) => id), groups: [] }],
});

const LINEAGE: Lineage = [{ ...account('asks'), role: 'requester' }];

interface Case {
  readonly now: Directory;
  readonly before: Directory;
  /** The account that is used; it belongs to the person of that id now. */
  readonly uses: string;
  readonly as: string;
  readonly isOwn: boolean;
}

/** Accounts as they were linked when the request was made, and as they are now. */
const CASES: readonly [string, Case][] = [
  [
    'the account that asked',
    {
      now: directory(person('ann', ['asks'])),
      before: directory(person('ann', ['asks'])),
      uses: 'asks',
      as: 'ann',
      isOwn: true,
    },
  ],
  [
    'the account that asked, which is somebody else’s now',
    {
      now: directory(person('ben', ['asks', 'b'])),
      before: directory(person('ann', ['asks'])),
      uses: 'b',
      as: 'ben',
      isOwn: true,
    },
  ],
  [
    'another account of who asked, which is somebody else’s now',
    {
      now: directory(person('ann', ['asks']), person('ben', ['a'])),
      before: directory(person('ann', ['asks', 'a']), person('ben', ['b'])),
      uses: 'a',
      as: 'ben',
      isOwn: true,
    },
  ],
  [
    'an account of who asked, linked to them since',
    {
      now: directory(person('ann', ['asks', 'a'])),
      before: directory(person('ann', ['asks'])),
      uses: 'a',
      as: 'ann',
      isOwn: true,
    },
  ],
  [
    'an account that was theirs then, where only now the one that asked is',
    {
      now: directory(person('ann', ['asks']), person('ben', ['a'])),
      before: directory(person('ann', ['a']), person('ben', ['b'])),
      uses: 'a',
      as: 'ben',
      isOwn: true,
    },
  ],
  [
    'an account of somebody else',
    {
      now: directory(person('ann', ['asks']), person('ben', ['b'])),
      before: directory(person('ann', ['asks']), person('ben', ['b'])),
      uses: 'b',
      as: 'ben',
      isOwn: false,
    },
  ],
];

describe('who stands behind a request is the same everywhere, however accounts were linked anew', () => {
  it.each(CASES)('%s', (_what, { now, before, uses, as, isOwn }) => {
    const known = now.people.find(({ id }) => id === as) ?? null;
    expect(standsBehind(LINEAGE, { account: account(uses), person: known }, [now, before])).toBe(isOwn);

    const asked = requirement([demand([stage(['group:all'])])]);
    const decided = outcome({
      request: { requirement: asked, lineage: LINEAGE },
      attempt: { reviewer: account(uses) },
      now,
      atCreation: before,
    });
    expect(decided === 'self_approval').toBe(isOwn);

    const alone: Directory = { ...now, groups: [{ id: 'all', members: [as], groups: [] }] };
    const directories = { now: alone, at_creation: before, rotations: NO_ROTATIONS, owners_at_creation: [] };
    const short = shortagesOf({ requirement: asked, lineage: LINEAGE, owners: [], directories });
    expect(short.length > 0).toBe(isOwn || !before.people.some(({ id }) => id === as));
  });
});

const NO_ROTATIONS = { now: [], at_creation: [] };
