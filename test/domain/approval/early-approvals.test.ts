import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkDecision } from '../../../domain/approval/decision.ts';
import type { Directory } from '../../../domain/identity/directory.ts';
import { tally, type CountedDecision, type Tally } from '../../../domain/approval/quorum.ts';
import type { EvidenceGrade, Requirement } from '../../../domain/request/requirement.ts';
import { standingRequest, tallyFactsOf } from '../../../domain/approval/seats.ts';
import { by, factsWith } from './decisions.ts';
import { anyRequirement, reviewBy, DIRECTORY, MINUTE_MS, minutes, requirement, stage } from '../examples.ts';

interface Attempt {
  readonly person: string;
  readonly at: number;
  readonly grade?: EvidenceGrade;
}

interface Course {
  readonly codes: readonly string[];
  readonly decisions: readonly CountedDecision[];
  readonly tallyAt: (minute: number) => Tally;
}

/** Lets people approve one after the other, as the API and the worker do. */
function courseOf(required: Requirement, attempts: readonly Attempt[], now: Directory = DIRECTORY): Course {
  const decisions: CountedDecision[] = [];
  const codes = attempts.map(({ person, at, grade = 'A' }) => {
    const attempt = by(person, { at: minutes(at), grade, has_reason: true });
    const facts = factsWith({ request: { requirement: required, decisions: [...decisions] }, attempt });
    const check = checkDecision(facts);
    if (!check.ok) return check.code;
    const id = `dec_${decisions.length}`;
    decisions.push({
      id,
      person: check.person,
      verdict: 'approve',
      at: minutes(at),
      grade,
      seats: check.seats,
    });
    return 'ok';
  });
  const { request, directories } = factsWith({
    request: { requirement: required, decisions },
    now,
    atCreation: DIRECTORY,
  });
  const standing = standingRequest(request, directories);
  return { codes, decisions, tallyAt: (minute) => tally(tallyFactsOf(standing, minutes(minute))) };
}

const DAY = { maximum_age_ms: 24 * 60 * MINUTE_MS };

/** Somebody for the default, and an administrator before an owner: the owner may answer before the own stage opens. */
const OWNER_AFTER_ADMINISTRATOR = requirement([
  reviewBy([stage(['group:data', 'owners'])], { rule: 'default', ...DAY }),
  reviewBy([stage(['group:dba']), stage(['owners'])], { rule: 'both', order: 'sequential', ...DAY }),
]);

/** The lead may answer for the default at once, for the administrators only after half an hour. */
const LEAD_BY_ESCALATION = requirement([
  reviewBy([stage(['group:dba-leads'])], { rule: 'default', ...DAY }),
  reviewBy([stage(['group:dba'], 1, { escalate: [{ after_ms: 30 * MINUTE_MS, to: 'group:dba-leads' }] })], {
    rule: 'administrators',
    ...DAY,
  }),
]);

describe('an approval that was given early', () => {
  it.each<[string, readonly Attempt[]]>([
    [
      'the owner first',
      [
        { person: 'omar', at: 1 },
        { person: 'olga', at: 2 },
      ],
    ],
    [
      'the administrator first',
      [
        { person: 'olga', at: 1 },
        { person: 'omar', at: 2 },
      ],
    ],
  ])('fills the seat of a stage that opens later: %s', (_name, attempts) => {
    const course = courseOf(OWNER_AFTER_ADMINISTRATOR, attempts);
    expect(course.codes).toEqual(['ok', 'ok']);
    expect(course.tallyAt(3).standing).toBe('approved');
  });

  it('fills a seat that escalates to its person, from when it does', () => {
    const course = courseOf(LEAD_BY_ESCALATION, [{ person: 'petra', at: 1 }]);
    expect(course.tallyAt(29).standing).toBe('pending');
    expect(course.tallyAt(30).standing).toBe('approved');
  });

  it('fills an escalated seat of a stage in a sequence, counted from when that stage opened', () => {
    const ladder = stage(['group:dba'], 1, {
      escalate: [{ after_ms: 30 * MINUTE_MS, to: 'group:dba-leads' }],
    });
    const required = requirement([
      reviewBy([stage(['group:dba-leads'])], { rule: 'default', ...DAY }),
      reviewBy([stage(['owners']), ladder, stage(['user:ada', 'user:dmitri'])], {
        rule: 'three',
        order: 'sequential',
        ...DAY,
      }),
    ]);
    const early = [
      { person: 'petra', at: 1 },
      { person: 'omar', at: 10 },
    ];
    const [waiting, over] = [early, [...early, { person: 'ada', at: 50 }, { person: 'dmitri', at: 51 }]].map(
      (attempts) => courseOf(required, attempts),
    );
    expect(waiting?.tallyAt(39).rules[1]?.[2]?.opened_at).toBe(null);
    expect(waiting?.tallyAt(40).rules[1]?.[2]?.opened_at).toBe(minutes(40));
    // Ada is behind the agent.
    expect(over?.codes).toEqual(['ok', 'ok', 'self_approval', 'ok']);
    expect(over?.tallyAt(60)).toMatchObject({ standing: 'approved' });
  });

  it('leaves its person able to answer again on the stronger evidence that another seat asks for', () => {
    const required = requirement([
      reviewBy([stage(['owners'])], { rule: 'weak', minimum_grade: 'C' }),
      reviewBy([stage(['owners'])], { rule: 'strong', minimum_grade: 'A' }),
    ]);
    const course = courseOf(required, [
      { person: 'omar', at: 1, grade: 'C' },
      { person: 'omar', at: 2, grade: 'C' },
      { person: 'omar', at: 3, grade: 'A' },
      { person: 'omar', at: 4, grade: 'A' },
    ]);
    expect(course.codes).toEqual(['ok', 'already_decided', 'ok', 'already_decided']);
    expect(course.tallyAt(5).standing).toBe('approved');
  });

  it('never fills two seats of one rule', () => {
    const required = requirement([
      reviewBy([stage(['group:dba']), stage(['user:olga', 'user:omar'])], { order: 'sequential' }),
    ]);
    const course = courseOf(required, [{ person: 'olga', at: 1 }]);
    expect(course.tallyAt(2).standing).toBe('pending');
  });
});

describe('whether a request is approved', () => {
  it('does not depend on the order in which people answer, as long as all of them may', () => {
    let approvedCount = 0;
    const cases = fc.record({
      required: anyRequirement.map((required) => ({
        ...required,
        rules: required.rules.map((rule) => ({ ...rule, ...DAY })),
      })),
      orders: fc.tuple(
        ...[0, 1].map(() => fc.shuffledSubarray(['olga', 'dmitri', 'omar', 'petra'], { minLength: 4 })),
      ),
    });
    fc.assert(
      fc.property(cases, ({ required, orders }) => {
        const courses = orders.map((people) =>
          courseOf(
            required,
            people.map((person, at) => ({ person, at })),
          ),
        );
        // Who may not answer yet is another matter: what was counted is worth the same.
        fc.pre(courses.every(({ codes }) => codes.every((code) => code === 'ok')));
        const [one, other] = courses.map(({ tallyAt }) => tallyAt(200).standing);
        approvedCount += one === 'approved' ? 1 : 0;
        expect(one).toBe(other);
      }),
      { numRuns: 400 },
    );
    expect(approvedCount).toBeGreaterThan(5);
  });

  it('is never kept back because somebody answered before their stage opened', () => {
    const cases = anyRequirement.map((required) => ({
      ...required,
      rules: required.rules.map((rule) => ({ ...rule, ...DAY })),
    }));
    fc.assert(
      fc.property(cases, fc.shuffledSubarray(['olga', 'dmitri', 'omar', 'petra']), (required, people) => {
        const early = courseOf(
          required,
          people.map((person, at) => ({ person, at })),
        );
        // Everybody is asked twice: one who counted already is told so, and one who was too early may answer now.
        const again = courseOf(
          required,
          [...people, ...people].map((person, at) => ({ person, at })),
        );
        if (early.tallyAt(200).standing === 'approved') expect(again.tallyAt(200).standing).toBe('approved');
      }),
      { numRuns: 300 },
    );
  });
});

describe('what an approval is worth by the directory of now', () => {
  const twoAdministrators = requirement([reviewBy([stage(['group:dba'], 2)])]);
  const answered: readonly Attempt[] = [
    { person: 'olga', at: 1 },
    { person: 'dmitri', at: 2 },
  ];
  const withGroup = (members: readonly string[]): Directory => ({
    ...DIRECTORY,
    groups: DIRECTORY.groups.map((group) =>
      group.id === 'dba' ? { ...group, members: [...members] } : group,
    ),
  });
  const withoutOlga: Directory = {
    ...DIRECTORY,
    people: DIRECTORY.people.map((person) => (person.id === 'olga' ? { ...person, active: false } : person)),
  };
  const behindAgent: Directory = {
    ...DIRECTORY,
    agents: DIRECTORY.agents.map((agent) => ({ ...agent, owner: 'olga' })),
  };

  it.each<[string, Directory, Pick<Tally, 'standing' | 'people'>]>([
    ['nobody changed', DIRECTORY, { standing: 'approved', people: ['olga', 'dmitri'] }],
    ['one was deactivated', withoutOlga, { standing: 'pending', people: ['dmitri'] }],
    ['one left the group', withGroup(['dmitri']), { standing: 'pending', people: ['dmitri'] }],
    ['the group was emptied', withGroup([]), { standing: 'pending', people: [] }],
    ['one turned out to be behind the request', behindAgent, { standing: 'pending', people: ['dmitri'] }],
  ])('%s', (_name, now, expected) => {
    expect(courseOf(twoAdministrators, answered, now).tallyAt(3)).toMatchObject(expected);
  });

  it('opens the seat for somebody else, without the good approval being lost', () => {
    const { decisions } = courseOf(twoAdministrators, answered.slice(0, 1));
    const now: Directory = { ...withoutOlga, groups: withGroup(['olga', 'dmitri', 'petra']).groups };
    const directory = { ...DIRECTORY, groups: now.groups };
    const request = { requirement: twoAdministrators, decisions };
    const facts = factsWith({
      request,
      attempt: by('dmitri', { at: minutes(2) }),
      now,
      atCreation: directory,
    });
    const check = checkDecision(facts);
    expect(check).toMatchObject({ ok: true, seats: [{ rule: 0, stage: 0 }] });
  });
});
