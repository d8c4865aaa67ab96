import { describe, expect, it } from 'vitest';

import type { FreezeWindow } from '../../domain/calendar/freeze.ts';
import type { PolicySet, Rule } from '../../domain/policy/policy.ts';
import { selectorChanges } from '../../domain/policy-diff/people.ts';
import { walkGrid, type GridReport } from '../../policy-authoring/grid.ts';
import { DEFAULT_RISK } from '../../domain/policy/risk.ts';
import { OFFICE } from '../domain/calendar/examples.ts';
import { ACTION, DIRECTORY, exampleRule, policyOf, TARGET } from '../domain/examples.ts';

const FREEZE: FreezeWindow = {
  id: 'year-end',
  title: 'Year-end',
  from: '2026-12-20T08:00:00.000Z',
  to: '2027-01-04T08:00:00.000Z',
  environments: ['prod'],
  actions: null,
};
const SHORTER = { ...FREEZE, to: '2027-01-02T08:00:00.000Z' };

/** Every case that is looser: the rule, the instant, and what both say. */
function looserCases(base: PolicySet, candidate: PolicySet): readonly unknown[] {
  return walkGrid(base, candidate).counterexamples.map((example) => [
    example.rule,
    example.facts['at'],
    `${example.base.effect} -> ${example.candidate.effect}`,
    ...(example.is_released ? ['released'] : []),
  ]);
}

function timed(when: string, changes: Partial<PolicySet> = {}): PolicySet {
  const rules = [exampleRule('timed', 'forbid', { when })];
  return policyOf(rules, { calendars: [OFFICE], freezes: [FREEZE], ...changes });
}

function withWeek(from: string, to: string): Partial<PolicySet> {
  return { calendars: [{ ...OFFICE, week: { ...OFFICE.week, wed: [{ from, to }] } }] };
}

describe('the grid of boundary cases', () => {
  it('names the first instant that a shortened freeze no longer covers, for a rule that reads it', () => {
    const cases = looserCases(timed('calendar.freeze'), timed('calendar.freeze', { freezes: [SHORTER] }));
    expect(cases).toContainEqual(['timed', '2027-01-02T08:00:00.000Z', 'forbid -> review']);
  });

  it('names it also where no rule reads the freeze: what is approved then starts earlier', () => {
    const [base, candidate] = [[FREEZE], [SHORTER]].map((freezes) => policyOf([], { freezes }));
    expect(base && candidate && looserCases(base, candidate)).toEqual([
      [null, '2027-01-02T08:00:00.000Z', 'review -> review', 'released'],
    ]);
  });

  it('names it where the freeze keeps an allow from acting', () => {
    const rules: readonly Rule[] = [exampleRule('free', 'allow', { when: 'plan.rows < 5' })];
    const [base, candidate] = [[FREEZE], [SHORTER]].map((freezes) => policyOf(rules, { freezes }));
    expect(base && candidate && looserCases(base, candidate)).toContainEqual([
      'free',
      '2027-01-02T08:00:00.000Z',
      'review -> allow',
    ]);
  });

  it('finds the minute that a freeze which begins later leaves open', () => {
    const later = { ...FREEZE, from: '2026-12-20T08:01:00.000Z' };
    const cases = looserCases(timed('calendar.freeze'), timed('calendar.freeze', { freezes: [later] }));
    expect(cases).toContainEqual(['timed', '2026-12-20T08:00:00.000Z', 'forbid -> review']);
  });

  it.each([
    ['begin earlier', withWeek('08:00', '17:30'), '2026-01-07T07:00:00.000Z'],
    ['end later', withWeek('09:00', '17:31'), '2026-01-07T16:30:00.000Z'],
    [
      'are those of a zone that only differs in summer',
      { calendars: [{ ...OFFICE, time_zone: 'Africa/Lagos' }] },
      '2026-07-06T15:30:00.000Z',
    ],
    ['include a holiday no more', { calendars: [{ ...OFFICE, holidays: [] }] }, '2026-12-25T08:00:00.000Z'],
  ] as const)('names an instant when business hours %s', (_what, changes, at) => {
    const when = '!calendar.business_hours';
    const cases = looserCases(timed(when), timed(when, changes));
    expect(cases).toEqual([['timed', at, 'forbid -> review']]);
  });

  it.each([
    ['hour', 'calendar.hour >= 18', 'calendar.hour >= 19', '2026-01-05T17:00:00.000Z'],
    ['minute', 'calendar.minute < 31', 'calendar.minute < 30', '2026-01-05T11:30:00.000Z'],
    ['weekday', 'calendar.weekday >= 6', 'calendar.weekday == 7', '2026-01-09T23:00:00.000Z'],
    ['day', 'calendar.date == "2028-02-29"', 'calendar.date == "2028-03-01"', '2028-02-28T23:00:00.000Z'],
    ['calendar', 'calendars.office.hour < 6', 'calendars.office.hour < 5', '2026-01-05T04:00:00.000Z'],
  ])('names an instant when a condition asks for another %s', (...[, before, after, at]) => {
    const cases = looserCases(timed(before), timed(after));
    expect(cases).toEqual([['timed', at, 'forbid -> review']]);
  });

  it('asks about time together with the other facts of the condition', () => {
    const when = 'calendar.freeze && plan.rows > 100';
    const report = walkGrid(timed(when), timed(when, { freezes: [SHORTER] }));
    const example = report.counterexamples.find(({ rule }) => rule === 'timed');
    expect(example?.facts).toEqual({ at: '2027-01-02T08:00:00.000Z', 'plan.rows': 101 });
  });

  it('finds nothing looser where a freeze grows or closing time comes earlier', () => {
    const when = 'calendar.freeze || !calendar.business_hours';
    const longer = { ...FREEZE, to: '2027-02-01T00:00:00.000Z' };
    expect(looserCases(timed(when), timed(when, { freezes: [longer] }))).toEqual([]);
    expect(looserCases(timed(when), timed(when, withWeek('09:30', '17:00')))).toEqual([]);
    expect(looserCases(timed(when), timed(when))).toEqual([]);
  });

  it('stays small and the same, however many freezes and holidays there are', () => {
    const days = Array.from({ length: 300 }, (_, day) => new Date(Date.UTC(2027, 0, 1 + day)).toISOString());
    const quiet = { risk: { ...DEFAULT_RISK, lines: [] } };
    const many: Partial<PolicySet> = {
      ...quiet,
      freezes: days.map((from, index) => ({
        ...FREEZE,
        id: `f${index}`,
        from,
        to: from.replace('T00', 'T12'),
      })),
      calendars: [{ ...OFFICE, holidays: days.map((day) => day.slice(0, 10)) }],
    };
    const when = 'calendar.freeze || calendar.holiday || !calendar.business_hours';
    const walk = (): GridReport => walkGrid(timed(when, many), timed(when, quiet));
    const report = walk();
    expect(report.is_complete).toBe(true);
    expect(report.cells).toBeLessThan(50);
    expect(walk()).toEqual(report);
  });
});

describe('a change of the directory', () => {
  const moved: Partial<PolicySet> = {
    directory: {
      ...DIRECTORY,
      agents: DIRECTORY.agents.map((agent) => ({ ...agent, owner: 'omar' })),
      groups: DIRECTORY.groups.map((group) =>
        group.id === 'dba' ? { ...group, members: ['olga', 'petra'] } : group,
      ),
    },
  };

  it('is seen by the grid where conditions read who stands behind a request', () => {
    const rules = [exampleRule('self', 'forbid', { when: 'args.grantee in request.chain' })];
    const grantee = { type: 'object', required: ['grantee'], properties: { grantee: { type: 'string' } } };
    const catalogue = { actions: [{ ...ACTION, arguments: grantee }], targets: [TARGET] };
    const report = walkGrid(policyOf(rules, catalogue), policyOf(rules, { ...catalogue, ...moved }));
    expect(report.counterexamples.map(({ facts }) => facts)).toEqual([
      expect.objectContaining({ requester: 'billing', 'args.grantee': 'ada' }),
    ]);
  });

  it('is seen by the grid where conditions read the groups of who stands behind it, or the owner', () => {
    const leaver = { ...DIRECTORY.groups[0], id: 'leavers', members: ['ada'], groups: [] };
    const leaving = { ...DIRECTORY, groups: [...DIRECTORY.groups, leaver] };
    for (const [when, base, candidate] of [
      ['"leavers" in request.groups', { directory: leaving }, {}],
      ['request.owner == "ada"', {}, moved],
    ] as const) {
      const rules = [exampleRule('self', 'forbid', { when })];
      const report = walkGrid(policyOf(rules, base), policyOf(rules, candidate));
      const requesters = report.counterexamples.map(({ facts }) => facts['requester']);
      expect(requesters, when).toEqual(['billing']);
    }
  });

  it('names who may decide from then on, and who no more', () => {
    const rules = [exampleRule('dba', 'review')];
    expect(selectorChanges(policyOf(rules), policyOf(rules, moved))).toEqual([
      { selector: 'group:dba', joined: ['petra'], left: ['dmitri'] },
    ]);
    expect(selectorChanges(policyOf(rules), policyOf(rules))).toEqual([]);
  });
});
