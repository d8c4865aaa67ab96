import type { BusinessCalendar, BusinessHours } from '../domain/calendar/calendar.ts';
import {
  DAY_MS,
  dateOfDay,
  dayOfDate,
  MINUTE_MS,
  timeMs,
  weekdayOfDay,
} from '../domain/calendar/wall-clock.ts';
import { firstInstantOfWallTime } from '../domain/calendar/zone.ts';
import { Expression } from '../domain/conditions/expression.ts';
import { literalsIn } from '../domain/conditions/literals.ts';
import { readValues } from '../domain/conditions/values-read.ts';
import type { FactPath } from '../domain/conditions/reads.ts';
import type { ActionDefinition, PolicySet, Target } from '../domain/policy/policy.ts';
import { calendarValues, isFrozen } from '../domain/policy/built-in-facts.ts';
import { AT, AT_PATH, type Axis } from './grid-cells.ts';

export interface TimedPolicy {
  readonly policy: PolicySet;
  readonly target: Target;
}

/** More instants than this are not tried: no office calendar has so many edges. */
const INSTANTS_MAX = 2_000;

/**
 * The instants around which what the clocks of two policies say changes: where business hours, holidays and freezes of either
 * begin and end, and one minute before. Of instants at which both policies see the same only the first is kept.
 */
export class GridClock {
  readonly #policies: readonly [PolicySet, PolicySet];
  #weeks: readonly number[] | null = null;
  #edges: readonly number[] | null = null;

  constructor(policies: readonly [PolicySet, PolicySet]) {
    this.#policies = policies;
  }

  /** The axis of a boundary whose conditions these are; null where time makes no difference. */
  axis(
    action: ActionDefinition,
    timed: readonly [TimedPolicy, TimedPolicy],
    { conditions, isFreezeSeen }: { readonly conditions: readonly string[]; readonly isFreezeSeen: boolean },
  ): Axis | null {
    const reading = conditions.filter((text) => clockPaths(text).length > 0);
    const hasFreezes = isFreezeSeen && this.#policies.some(({ freezes }) => freezes.length > 0);
    if (reading.length === 0 && !hasFreezes) return null;
    const paths = reading.flatMap(clockPaths);
    const seen = new Map<string, string>();
    for (const at of [AT, ...this.#instants(reading)]) {
      const signature = JSON.stringify(timed.map((one) => viewOf(one, { action, at, paths })));
      if (!seen.has(signature)) seen.set(signature, at);
    }
    return seen.size > 1 ? { path: AT_PATH, values: [...seen.values()] } : null;
  }

  #instants(conditions: readonly string[]): readonly string[] {
    this.#weeks ??= quietWeeks(this.#policies);
    this.#edges ??= edgesOf(this.#policies, this.#weeks);
    const weeks = this.#weeks;
    const named = conditions.flatMap((text) => namedInstants(this.#policies, weeks, text));
    const all = [...new Set([...this.#edges, ...named])].filter(Number.isFinite).sort((a, b) => a - b);
    return all.slice(0, INSTANTS_MAX).map((ms) => new Date(ms).toISOString());
  }
}

function clockPaths(condition: string): readonly FactPath[] {
  return new Expression(condition).factPaths.filter(([root]) => root === 'calendar' || root === 'calendars');
}

/** What a policy sees at an instant of what the conditions read, and whether it is frozen. */
function viewOf(
  { policy, target }: TimedPolicy,
  {
    action: { action },
    at,
    paths,
  }: { readonly action: ActionDefinition; readonly at: string; readonly paths: readonly FactPath[] },
): unknown {
  const facts = { action, target, at };
  return [
    isFrozen(policy, facts),
    paths.length === 0 ? [] : readValues(paths, calendarValues(policy, facts)),
  ];
}

/** Milliseconds since 1970, in no order. */
function edgesOf(policies: readonly [PolicySet, PolicySet], weeks: readonly number[]): readonly number[] {
  const freezes = policies.flatMap(({ freezes: all }) => all.flatMap(({ from, to }) => [from, to]));
  const hours = policies.flatMap(({ calendars }) =>
    calendars.flatMap((calendar) => weeks.flatMap((monday) => edgesOfWeek(calendar, monday))),
  );
  return around([...freezes.map((instant) => Date.parse(instant)), ...hours, ...holidayEdges(policies)]);
}

function around(edges: readonly number[]): readonly number[] {
  return edges.flatMap((edge) => [edge - MINUTE_MS, edge]);
}

function edgesOfWeek(calendar: BusinessCalendar, monday: number): readonly number[] {
  return Array.from({ length: 7 }, (_, index) => monday + index).flatMap((day) => edgesOfDay(calendar, day));
}

/** Midnight, midday, and where business hours begin and end. */
function edgesOfDay(calendar: BusinessCalendar, day: number): readonly number[] {
  const hours: readonly BusinessHours[] = calendar.week[weekdayOfDay(day)];
  const times = ['00:00', '12:00', ...hours.flatMap(({ from, to }) => [from, to])];
  return times.map((time) => instantOf(calendar, day, time));
}

function instantOf({ time_zone: zone }: BusinessCalendar, day: number, time: string): number {
  return firstInstantOfWallTime(zone, day * DAY_MS + (timeMs(time) ?? Number.NaN));
}

/** Mondays of a winter and of a summer: zones that agree in one may differ in the other. */
const WEEKS_FROM = ['2026-01-05', '2026-07-06'];
const WEEKS_TRIED_MAX = 500;

/** The first weeks from then on without a holiday or freeze of either policy, so that nothing hides the hours. */
function quietWeeks(policies: readonly [PolicySet, PolicySet]): readonly number[] {
  const holidays = new Set(
    policies.flatMap(({ calendars }) => calendars.flatMap((calendar) => calendar.holidays)),
  );
  const freezes = policies.flatMap((policy) => policy.freezes);
  const isQuiet = (monday: number): boolean =>
    freezes.every(
      ({ from, to }) => Date.parse(to) < (monday - 1) * DAY_MS || Date.parse(from) > (monday + 8) * DAY_MS,
    ) && [0, 1, 2, 3, 4, 5, 6].every((index) => !holidays.has(dateOfDay(monday + index)));
  return WEEKS_FROM.flatMap((date) => {
    const first = dayOfDate(date) ?? 0;
    const mondays = Array.from({ length: WEEKS_TRIED_MAX }, (_, index) => first + index * 7);
    return mondays.find(isQuiet) ?? first;
  });
}

/** Many holidays are alike: those that only one policy has are tried, and one that both have. */
const HOLIDAYS_MAX = 40;

function holidayEdges([base, candidate]: readonly [PolicySet, PolicySet]): readonly number[] {
  const ids = new Set([...base.calendars, ...candidate.calendars].map(({ id }) => id));
  return [...ids].flatMap((id) => {
    const pair = [base, candidate].flatMap(({ calendars }) => calendars.filter((one) => one.id === id));
    const all = [...new Set(pair.flatMap(({ holidays }) => holidays))];
    const isCommon = (date: string): boolean =>
      pair.length === 2 && pair.every(({ holidays }) => holidays.includes(date));
    const dates = [
      ...all.filter((date) => !isCommon(date)).slice(0, HOLIDAYS_MAX),
      ...all.filter(isCommon).slice(0, 1),
    ];
    return dates.flatMap((date) =>
      pair.flatMap((calendar) => edgesOfDay(calendar, dayOfDate(date) ?? Number.NaN)),
    );
  });
}

/** Dates, hours and minutes that a condition names, on the clock of each calendar. */
function namedInstants(
  policies: readonly [PolicySet, PolicySet],
  [week = 0]: readonly number[],
  condition: string,
): readonly number[] {
  const { integers, texts } = literalsIn(condition);
  const calendars = policies.flatMap((policy) => policy.calendars);
  const days = texts.flatMap((text) => dayOfDate(text) ?? []);
  const hours = integers.filter((hour) => hour >= 0 && hour <= 23);
  const minutes = integers.filter((minute) => minute >= 0 && minute <= 59);
  return calendars.flatMap((calendar) => {
    const noon = instantOf(calendar, week, '12:00');
    const midnight = instantOf(calendar, week, '00:00');
    return [
      ...days.flatMap((day) => around([day, day + 1].map((one) => instantOf(calendar, one, '00:00')))),
      ...hours.flatMap((hour) => around([hour, hour + 1].map((one) => midnight + one * 60 * MINUTE_MS))),
      ...minutes.flatMap((minute) => around([minute, minute + 1].map((one) => noon + one * MINUTE_MS))),
    ];
  });
}
