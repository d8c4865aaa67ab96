import { describe, expect, it } from 'vitest';

import { EligiblePeople, shortagesOf, type ShortageFacts } from '../../../domain/approval/satisfiable.ts';
import { reviewBy, DIRECTORY, examplePerson, ISSUER, requirement, stage } from '../examples.ts';

const rotations = { now: [], at_creation: [] };

function shortages(facts: Partial<ShortageFacts>) {
  return shortagesOf({
    requirement: requirement([]),
    lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
    owners: ['group:shop-owners'],
    directories: {
      now: DIRECTORY,
      at_creation: DIRECTORY,
      rotations,
      owners_at_creation: ['group:shop-owners'],
    },
    ...facts,
  });
}

describe('a shortage', () => {
  it('is reported when a rule has more seats than people who may fill them', () => {
    const rule = reviewBy([stage(['group:dba'], 3)], { rule: 'three' });
    expect(shortages({ requirement: requirement([rule]) })).toEqual([
      { rule: 'three', seats: 3, fillable: 2 },
    ]);
    expect(shortages({ requirement: requirement([reviewBy([stage(['group:dba'], 2)])]) })).toEqual([]);
  });

  it('is reported when the risk asks for more different people than may agree to any rule', () => {
    const rule = reviewBy([stage(['group:dba-leads'])], { rule: 'leads' });
    expect(shortages({ requirement: requirement([rule], { distinct_people: 2 }) })).toEqual([
      { rule: '*', seats: 2, fillable: 1 },
    ]);
    const wider = reviewBy([stage(['group:dba'])], { rule: 'wider' });
    expect(shortages({ requirement: requirement([wider], { distinct_people: 2 }) })).toEqual([]);
  });

  it('is reported at once when one of two operators asks for what two others would have to agree to', () => {
    const rule = reviewBy([stage(['user:olga', 'user:petra'])], { rule: 'default' });
    const required = requirement([rule], { distinct_people: 2 });
    const lineage = [{ role: 'requester', issuer: ISSUER, subject: 'sub-olga' }] as const;
    expect(shortages({ requirement: required, lineage })).toEqual([{ rule: '*', seats: 2, fillable: 1 }]);
    const other = [{ role: 'requester', issuer: ISSUER, subject: 'sub-ada' }] as const;
    expect(shortages({ requirement: required, lineage: other })).toEqual([]);
  });

  it('knows that one person cannot fill two seats of a rule', () => {
    const rule = reviewBy([stage(['user:omar']), stage(['owners'])], { rule: 'twice' });
    expect(shortages({ requirement: requirement([rule]) })).toEqual([
      { rule: 'twice', seats: 2, fillable: 1 },
    ]);
  });

  it('does not count the people behind the request, the inactive, and who joined afterwards', () => {
    const rule = reviewBy([stage(['user:ada', 'user:olga', 'user:petra'], 3)], { rule: 'some' });
    const now = {
      ...DIRECTORY,
      people: DIRECTORY.people.map((person) =>
        person.id === 'olga' ? { ...person, active: false } : person,
      ),
    };
    const directories = { now, at_creation: DIRECTORY, rotations, owners_at_creation: [] };
    expect(shortages({ requirement: requirement([rule]), directories })).toEqual([
      { rule: 'some', seats: 3, fillable: 1 },
    ]);
    const joined = { ...DIRECTORY, groups: DIRECTORY.groups.filter((group) => group.id !== 'dba') };
    const late = { now: DIRECTORY, at_creation: joined, rotations, owners_at_creation: [] };
    const dba = reviewBy([stage(['group:dba'])], { rule: 'dba' });
    expect(shortages({ requirement: requirement([dba]), directories: late })).toEqual([
      { rule: 'dba', seats: 1, fillable: 0 },
    ]);
  });

  it('counts whom an escalation adds, and leaves out whom the rule does not accept', () => {
    const widened = stage(['group:dba'], 3, { escalate: [{ after_ms: 1, to: 'group:dba-leads' }] });
    expect(shortages({ requirement: requirement([reviewBy([widened])]) })).toEqual([]);
    const strict = reviewBy([widened], {
      rule: 'strict',
      reviewer_when: '!("dba-leads" in reviewer.groups)',
    });
    expect(shortages({ requirement: requirement([strict]) })).toEqual([
      { rule: 'strict', seats: 3, fillable: 2 },
    ]);
  });

  describe('where tokens say who is in a group', () => {
    const seen = { id: 'seen', authority: `claims:${ISSUER}`, members: ['olga'], groups: [] };
    const around = { id: 'around', members: [], groups: ['seen'] };
    const directory = { ...DIRECTORY, groups: [...DIRECTORY.groups, seen, around] };
    const owners = ['group:seen'];
    const directories = { now: directory, at_creation: directory, rotations, owners_at_creation: owners };
    const of = (...stages: Parameters<typeof reviewBy>[0]) =>
      shortages({ requirement: requirement([reviewBy(stages, { rule: 'r' })]), owners, directories });

    it.each<[string, Parameters<typeof stage>[0], string]>([
      ['itself', ['group:seen'], 'group:seen'],
      ['inside another group', ['group:around'], 'group:around'],
      ['as owner of the target', ['owners'], 'group:seen'],
    ])('is not known: %s', (_name, any, unknown) => {
      expect(of(stage(any, 2))).toEqual([{ rule: 'r', seats: 2, fillable: 1, unknown: [unknown] }]);
    });

    it('is not known where such a group is asked after a while', () => {
      const widened = stage(['group:dba'], 5, { escalate: [{ after_ms: 1, to: 'group:seen' }] });
      expect(of(widened)).toEqual([{ rule: 'r', seats: 5, fillable: 2, unknown: ['group:seen'] }]);
    });

    it('is known where others lack as well, and none where enough are known', () => {
      expect(of(stage(['group:seen'], 2), stage(['user:omar', 'user:ada'], 2))).toEqual([
        { rule: 'r', seats: 4, fillable: 2 },
      ]);
      expect(of(stage(['group:seen']))).toEqual([]);
    });
  });
});

describe('who is eligible, shared by many requests', () => {
  const crowd = Array.from({ length: 40 }, (_, index) => `crowd-${index}`);
  const now = {
    ...DIRECTORY,
    people: [...crowd.map((id) => examplePerson(id)), ...DIRECTORY.people],
    groups: [...DIRECTORY.groups, { id: 'crowd', members: [...crowd, 'olga'], groups: [] }],
  };
  const directories = { now, at_creation: now, rotations, owners_at_creation: [] };
  const asks = (subject: string) => [{ role: 'requester' as const, issuer: ISSUER, subject }];
  const required = requirement(
    [
      reviewBy([stage(['group:crowd'], 2), stage(['group:dba-leads'], 2)], { rule: 'both' }),
      reviewBy([stage(['user:olga', 'user:crowd-0'], 2)], { rule: 'named' }),
    ],
    { distinct_people: 3 },
  );
  const facts = { requirement: required, owners: [], directories };

  it.each([
    ['agent-billing', [{ rule: 'both', seats: 4, fillable: 3 }]],
    [
      'sub-crowd-0',
      [
        { rule: 'both', seats: 4, fillable: 3 },
        { rule: 'named', seats: 2, fillable: 1 },
      ],
    ],
    ['sub-petra', [{ rule: 'both', seats: 4, fillable: 2 }]],
  ])('is each request’s own as far as it goes for who asks: %s', (subject, expected) => {
    const eligible = new EligiblePeople();
    expect(shortages({ ...facts, lineage: asks('nobody') })).toHaveLength(1);
    eligible.of(facts);
    const shared = shortagesOf({ ...facts, lineage: asks(subject) }, eligible.of({ ...facts }));
    expect(shared).toEqual(expected);
    expect(shared).toEqual(shortages({ ...facts, lineage: asks(subject) }));
  });

  it('is looked up once a requirement, by its names, owners and numbers', () => {
    const eligible = new EligiblePeople();
    const known = eligible.of(facts);
    expect(eligible.of(structuredClone(facts))).toBe(known);
    expect(eligible.of({ ...facts, owners: ['group:dba'] })).not.toBe(known);
    expect(eligible.of({ ...facts, requirement: { ...required, distinct_people: 4 } })).not.toBe(known);
  });

  it('passes over those behind a request before it has enough', () => {
    const lineage = crowd.slice(0, 39).flatMap((id) => asks(`sub-${id}`));
    const one = requirement([reviewBy([stage(['group:crowd'], 3)], { rule: 'crowd' })]);
    expect(shortages({ requirement: one, directories, lineage })).toEqual([
      { rule: 'crowd', seats: 3, fillable: 2 },
    ]);
  });
});
