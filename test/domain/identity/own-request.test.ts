import { describe, expect, it } from 'vitest';

import {
  answeringPerson,
  peopleBehind,
  personBehind,
  personOf,
  type Directory,
  type Person,
} from '../../../domain/identity/directory.ts';
import type { Identity, Lineage } from '../../../domain/identity/identity.ts';
import { standsBehind } from '../../../domain/identity/own-request.ts';
import { standingSeats } from '../../../domain/approval/seats.ts';
import { shortagesOf } from '../../../domain/approval/satisfiable.ts';
import { outcome } from '../approval/decisions.ts';
import { reviewBy, DIRECTORY, examplePerson, ISSUER, requirement, stage } from '../examples.ts';

const account = (subject: string): Identity => ({ issuer: ISSUER, subject });
const person = (id: string, subjects: readonly string[]): Person =>
  examplePerson(id, { accounts: subjects.map(account) });
const directory = (...people: readonly Person[]): Directory => ({
  ...DIRECTORY,
  people,
  agents: [],
  groups: [{ id: 'all', members: people.map(({ id }) => id), groups: [] }],
});

const NO_ROTATIONS = { now: [], at_creation: [] };

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

    const required = requirement([reviewBy([stage(['group:all'])])]);
    const decided = outcome({
      request: { requirement: required, lineage: LINEAGE },
      attempt: { reviewer: account(uses) },
      now,
      atCreation: before,
    });
    expect(decided === 'self_approval').toBe(isOwn);

    const alone: Directory = { ...now, groups: [{ id: 'all', members: [as], groups: [] }] };
    const directories = { now: alone, at_creation: before, rotations: NO_ROTATIONS, owners_at_creation: [] };
    const short = shortagesOf({ requirement: required, lineage: LINEAGE, owners: [], directories });
    expect(short.length > 0).toBe(isOwn || !before.people.some(({ id }) => id === as));
  });
});

describe('an approval that was given', () => {
  const before = directory(person('ann', ['asks']), person('ben', ['b', 'b2']));
  const standingOf = (now: Directory, used: string) =>
    standingSeats(
      {
        requirement: requirement([reviewBy([stage(['group:all'])])]),
        lineage: LINEAGE,
        owners: [],
        decisions: [
          {
            person: 'ben',
            account: account(used),
            seats: [{ rule: 0, stage: 0 }],
            at: '2026-01-01T00:00:00.000Z',
          },
        ],
      },
      { now, at_creation: before, rotations: NO_ROTATIONS, owners_at_creation: [] },
    );

  it.each<[string, readonly [Directory, string, number]]>([
    ['stands while nothing changes', [before, 'b', 1]],
    [
      'fills no seat once its account belongs to who asked',
      [directory(person('ann', ['asks', 'b']), person('ben', ['b2'])), 'b', 0],
    ],
    [
      'stands when another account of the same person went elsewhere',
      [directory(person('ann', ['asks']), person('ben', ['b']), person('cai', ['b2'])), 'b', 1],
    ],
    [
      'fills no seat once its person has the account that asked',
      [directory(person('ann', ['a']), person('ben', ['b', 'asks'])), 'b', 0],
    ],
  ])('%s', (_what, [now, used, seats]) => {
    expect(standingOf(now, used)[0]).toHaveLength(seats);
  });
});

describe('an account that was linked once', () => {
  const ann = { ...person('ann', ['a']), former_accounts: [account('asks')] };
  const ben = person('ben', ['b']);

  it('makes what it asked for its person’s own for ever, whichever directory knows it', () => {
    const [before, linked, removed] = [
      directory(person('ann', ['a']), ben),
      directory(person('ann', ['a', 'asks']), ben),
      directory(ann, ben),
    ];
    for (const directories of [
      [linked, before],
      [removed, before],
      [removed, linked],
      [removed, removed],
    ]) {
      const [now] = directories;
      const [self = null, other = null] = now?.people ?? [];
      expect(standsBehind(LINEAGE, { account: account('a'), person: self }, directories)).toBe(true);
      expect(standsBehind(LINEAGE, { account: account('b'), person: other }, directories)).toBe(false);
    }
  });

  it('is no stranger to what other accounts of its person asked for', () => {
    const lineage: Lineage = [{ ...account('a'), role: 'requester' }];
    const somebody = { account: account('asks'), person: null };
    expect(standsBehind(lineage, somebody, [directory(ann, ben)])).toBe(true);
    expect(standsBehind(lineage, somebody, [directory(person('ann', ['a']), ben)])).toBe(false);
  });

  it('signs in as nobody, and still answers for what it did', () => {
    const now = directory(ann, ben);
    expect(personOf(now, account('asks'))).toBeUndefined();
    expect(personBehind(now, account('asks'))?.id).toBe('ann');
    expect(peopleBehind(now, LINEAGE)).toEqual(['ann']);
    expect(answeringPerson(now, LINEAGE)).toBe('ann');
  });
});
