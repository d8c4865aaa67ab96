import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { timeAfter } from '../../../domain/calendar/clock.ts';
import {
  CLOCK_HORIZON_MS,
  clocksBetween,
  expiryMs,
  roundExpiryMs,
} from '../../../domain/calendar/deadlines.ts';
import { unchangedDirectories } from '../../../domain/approval/decision.ts';
import { seatsOf, type DecidableRequest } from '../../../domain/approval/seats.ts';
import {
  escalationSteps,
  ladderOf,
  nextEscalation,
  selectorsAt,
} from '../../../domain/approval/escalation.ts';
import { wouldSuffice } from '../../../domain/approval/recount.ts';
import type { RuleRequirement } from '../../../domain/request/requirement.ts';
import { isAtLeastAsStrict } from '../../../policy-authoring/strictness.ts';
import { approval, reviewBy, DIRECTORY, requirement, seats, stage } from '../examples.ts';
import { anyCalendar, anyInstantMs, HOUR_MS, iso, OFFICE } from './examples.ts';

/** In Berlin, where the office closes half an hour later. */
const FRIDAY_17_00 = '2026-11-20T16:00:00.000Z';
const MONDAY_10_30 = '2026-11-23T09:30:00.000Z';

const LADDER = stage(['group:dba'], 1, { escalate: [{ after_ms: 2 * HOUR_MS, to: 'group:dba-leads' }] });
const IN_OFFICE = reviewBy([LADDER], { clock: 'office', expires_ms: 5 * HOUR_MS });
const BY_THE_WALL = reviewBy([LADDER], { expires_ms: 5 * HOUR_MS });

const fromMs = Date.parse(FRIDAY_17_00);
const CLOCKS = clocksBetween([IN_OFFICE], [OFFICE], { fromMs, toMs: fromMs + CLOCK_HORIZON_MS }) ?? {};

function expiryOf(rules: readonly RuleRequirement[], calendars = [OFFICE], since = FRIDAY_17_00): string {
  return iso(expiryMs(rules, calendars, Date.parse(since)));
}

function facts(rules: readonly RuleRequirement[], clocks = CLOCKS) {
  return {
    requirement: requirement(rules),
    pending_since: FRIDAY_17_00,
    decisions: [],
    now: FRIDAY_17_00,
    clocks,
  };
}

const millisecondBefore = (instant: string): string => iso(Date.parse(instant) - 1);

describe('an escalation that counts business time', () => {
  it('of a request opened on Friday at five is due on Monday, and not a millisecond before', () => {
    const clocked = { stage: LADDER, rule: IN_OFFICE, clocks: CLOCKS };
    expect(selectorsAt(clocked, FRIDAY_17_00, millisecondBefore(MONDAY_10_30))).toEqual(['group:dba']);
    expect(selectorsAt(clocked, FRIDAY_17_00, MONDAY_10_30)).toEqual(['group:dba', 'group:dba-leads']);
    expect(escalationSteps(facts([IN_OFFICE]))).toEqual([
      { rule: 0, stage: 0, to: 'group:dba-leads', at: MONDAY_10_30 },
    ]);
  });

  it('stands on the ladder with the instant at which it is due, and with none where nobody can tell', () => {
    const clocked = { stage: LADDER, rule: IN_OFFICE, clocks: CLOCKS };
    const rung = { to: 'group:dba-leads', after_ms: 2 * HOUR_MS };
    expect(ladderOf(clocked, FRIDAY_17_00)).toEqual([{ ...rung, at: MONDAY_10_30 }]);
    expect(ladderOf(clocked, null)).toEqual([{ ...rung, at: null }]);
    expect(ladderOf({ ...clocked, clocks: {} }, FRIDAY_17_00)).toEqual([{ ...rung, at: null }]);
    expect(ladderOf({ ...clocked, rule: BY_THE_WALL }, FRIDAY_17_00)).toEqual([
      { ...rung, at: '2026-11-20T18:00:00.000Z' },
    ]);
  });

  it('leaves rules without a clock where they were', () => {
    const both = escalationSteps(facts([IN_OFFICE, BY_THE_WALL]));
    expect(both.map(({ rule, at }) => [rule, at])).toEqual([
      [1, '2026-11-20T18:00:00.000Z'],
      [0, MONDAY_10_30],
    ]);
    expect(clocksBetween([BY_THE_WALL], [OFFICE], { fromMs, toMs: fromMs + HOUR_MS })).toBeNull();
  });

  it('never comes when the clock is not known, not known so far, or the name of something else', () => {
    const short = clocksBetween([IN_OFFICE], [OFFICE], { fromMs, toMs: fromMs + HOUR_MS }) ?? {};
    expect(short).toEqual({ office: [[fromMs, fromMs + HOUR_MS / 2]] });
    expect(clocksBetween([IN_OFFICE], [], { fromMs, toMs: fromMs + HOUR_MS })).toBeNull();
    expect(clocksBetween([IN_OFFICE], [OFFICE], { fromMs, toMs: fromMs })).toEqual({ office: [] });
    for (const clocks of [short, {}]) expect(escalationSteps(facts([IN_OFFICE], clocks))).toEqual([]);
    expect(nextEscalation(facts([IN_OFFICE]), MONDAY_10_30)).toBeNull();
    for (const clock of ['constructor', '__proto__'])
      expect(timeAfter({ clock }, { fromMs, durationMs: 1 }, CLOCKS)).toBeNull();
    expect(timeAfter(IN_OFFICE, { fromMs, durationMs: 1 })).toBeNull();
  });

  it('opens no seat before it is due', () => {
    expect(seatsAt(millisecondBefore(MONDAY_10_30))).toEqual([]);
    expect(seatsAt(MONDAY_10_30)).toEqual([{ rule: 0, stage: 0 }]);
  });

  it('is counted by the calendar of the policy that approvals are held against', () => {
    const policy = { directory: DIRECTORY, rotations: [], calendars: [OFFICE] };
    const suffices = (at: string, rule = IN_OFFICE): boolean =>
      wouldSuffice(
        { effect: 'review', requirement: requirement([rule]) },
        {
          lineage: [],
          pending_since: FRIDAY_17_00,
          owners: [],
          decisions: [approval('petra', seats(), { at })],
        },
        policy,
      );
    expect(suffices(millisecondBefore(MONDAY_10_30))).toBe(false);
    expect(suffices(MONDAY_10_30)).toBe(true);
    expect(suffices(millisecondBefore(MONDAY_10_30), BY_THE_WALL)).toBe(true);
  });
});

/** The seats that a lead could fill. */
function seatsAt(at: string) {
  const request: DecidableRequest = {
    ...facts([IN_OFFICE]),
    status: 'pending',
    decision_digest: null,
    lineage: [],
    expires_at: '2027-01-01T00:00:00.000Z',
    owners: [],
  };
  const directories = unchangedDirectories({ directory: DIRECTORY, rotations: [] }, []);
  return seatsOf({ request, directories, at }, 'petra');
}

describe('an expiry that counts business time', () => {
  it('is the same stretch of office time later', () => {
    expect(expiryOf([IN_OFFICE])).toBe('2026-11-23T12:30:00.000Z');
    expect(expiryOf([IN_OFFICE], [OFFICE], '2026-11-21T11:00:00.000Z')).toBe('2026-11-23T13:00:00.000Z');
  });

  it('is the earliest of all rules, whatever they count', () => {
    expect(expiryOf([IN_OFFICE, BY_THE_WALL])).toBe('2026-11-20T21:00:00.000Z');
    expect(expiryOf([IN_OFFICE, { ...BY_THE_WALL, expires_ms: 100 * HOUR_MS }])).toBe(expiryOf([IN_OFFICE]));
  });

  it('is never beyond the horizon', () => {
    const long = { ...IN_OFFICE, expires_ms: 720 * HOUR_MS };
    expect(expiryOf([long])).toBe(iso(fromMs + CLOCK_HORIZON_MS));
    expect(expiryOf([{ ...BY_THE_WALL, expires_ms: 720 * HOUR_MS }])).toBe(iso(fromMs + 720 * HOUR_MS));
  });

  it('counts wall time, which is earlier, when the calendar is gone', () => {
    expect(expiryOf([IN_OFFICE], [])).toBe(expiryOf([BY_THE_WALL]));
  });

  it('makes two requirements that cannot be compared: neither is the stricter one', () => {
    const [office, wall] = [requirement([IN_OFFICE]), requirement([BY_THE_WALL])];
    expect(isAtLeastAsStrict(office, wall)).toBe(false);
    expect(isAtLeastAsStrict(wall, office)).toBe(false);
    expect(isAtLeastAsStrict(office, requirement([{ ...IN_OFFICE, expires_ms: 6 * HOUR_MS }]))).toBe(true);
  });
});

describe('for every calendar', () => {
  const anyMs = fc.integer({ min: 1, max: 100 * HOUR_MS });

  it('business time is never earlier than wall time, and more of it never earlier than less', () => {
    fc.assert(
      fc.property(anyCalendar, anyInstantMs, fc.tuple(anyMs, anyMs), (calendar, sinceMs, [one, more]) => {
        const rule = (expires_ms: number) => ({ clock: calendar.id, expires_ms });
        const at = expiryMs([rule(one)], [calendar], sinceMs);
        expect(at).toBeGreaterThanOrEqual(sinceMs + one);
        expect(at).toBeLessThanOrEqual(sinceMs + CLOCK_HORIZON_MS);
        expect(expiryMs([rule(one + more)], [calendar], sinceMs)).toBeGreaterThanOrEqual(at);
        expect(expiryMs([rule(one), { expires_ms: one }], [calendar], sinceMs)).toBe(sinceMs + one);
      }),
      { numRuns: 50 },
    );
  });

  it('clocks kept up to the expiry say the same of every escalation until then as longer ones', () => {
    fc.assert(
      fc.property(anyCalendar, anyInstantMs, fc.tuple(anyMs, anyMs), (calendar, sinceMs, [one, other]) => {
        const rule = { clock: calendar.id, expires_ms: Math.max(one, other) };
        const toMs = expiryMs([rule], [calendar], sinceMs);
        const due = (untilMs: number): number | null => {
          const clocks = clocksBetween([rule], [calendar], { fromMs: sinceMs, toMs: untilMs }) ?? {};
          return timeAfter(rule, { fromMs: sinceMs, durationMs: Math.min(one, other) }, clocks);
        };
        const whole = due(sinceMs + CLOCK_HORIZON_MS);
        expect(due(toMs)).toBe(whole !== null && whole <= toMs ? whole : null);
      }),
      { numRuns: 50 },
    );
  });

  it('a round expires as its rules say or when its start window ends, never later than a round before', () => {
    const anyWindowEndMs = fc.oneof(fc.constant(Infinity), anyInstantMs);
    const anyRounds = fc.array(fc.array(anyMs, { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(anyInstantMs, anyWindowEndMs, anyRounds, (sinceMs, startWindowEndMs, rounds) => {
        let beforeMs = Infinity;
        for (const durations of rounds) {
          const rules = durations.map((expires_ms) => ({ expires_ms }));
          const at = roundExpiryMs(rules, [], { sinceMs, beforeMs, startWindowEndMs });
          expect(at).toBe(Math.min(sinceMs + Math.min(...durations), startWindowEndMs, beforeMs));
          beforeMs = at;
        }
      }),
    );
  });
});
