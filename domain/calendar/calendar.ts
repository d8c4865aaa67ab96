import { oncePer } from '../once-per.ts';
import type { BusinessInterval } from './business-time.ts';
import {
  DAY_MS,
  dateOfDay,
  instantMs,
  MINUTE_MS,
  timeMs,
  weekdayOfDay,
  WEEKDAYS,
  type Weekday,
} from './wall-clock.ts';
import { offsetMsAt, offsetSegments, type OffsetSegment } from './zone.ts';

/** Business hours of one day, `HH:MM` on the wall clock; `to` is the first minute after them, at most `24:00`. */
export interface BusinessHours {
  readonly from: string;
  readonly to: string;
}

/** When an office is open. Hours of one day are sorted and do not overlap; on a holiday there are none. */
export interface BusinessCalendar {
  readonly id: string;
  /** IANA name. */
  readonly time_zone: string;
  readonly week: Readonly<Record<Weekday, readonly BusinessHours[]>>;
  /** `YYYY-MM-DD`, sorted. */
  readonly holidays: readonly string[];
}

/** What the calendar says of an instant (RFC 3339), on its own wall clock. */
export function calendarFacts(calendar: BusinessCalendar, at: string) {
  const atMs = instantMs(at);
  const wallMs = atMs + offsetMsAt(calendar.time_zone, atMs);
  const day = Math.floor(wallMs / DAY_MS);
  const sinceMidnightMs = wallMs - day * DAY_MS;
  const minutes = Math.floor(sinceMidnightMs / MINUTE_MS);
  const date = dateOfDay(day);
  const holiday = calendar.holidays.includes(date);
  const isWithin = ({ startMs, endMs }: BusinessInterval): boolean => startMs <= wallMs && wallMs < endMs;
  return {
    business_hours: !holiday && weeklyIntervalsOf(calendar, day).some(isWithin),
    holiday,
    // ISO 8601: Monday is 1, Sunday 7.
    weekday: WEEKDAYS.indexOf(weekdayOfDay(day)) + 1,
    hour: Math.floor(minutes / 60),
    minute: minutes % 60,
    date,
  };
}

/**
 * The business time of [`fromMs`, `toMs`): sorted, without overlaps, as few intervals as possible. Exactly the instants
 * of which `calendarFacts` says so; an hour that the clock shows twice counts twice, one that it skips not at all.
 */
export function businessIntervals(
  calendar: BusinessCalendar,
  fromMs: number,
  toMs: number,
): readonly BusinessInterval[] {
  const found: BusinessInterval[] = [];
  for (const segment of offsetSegments(calendar.time_zone, fromMs, toMs)) {
    for (const interval of intervalsOfSegment(calendar, segment)) {
      const last = found.at(-1);
      if (last?.endMs === interval.startMs) {
        found[found.length - 1] = { startMs: last.startMs, endMs: interval.endMs };
      } else found.push(interval);
    }
  }
  return found;
}

function intervalsOfSegment(
  calendar: BusinessCalendar,
  { startMs, endMs, offsetMs }: OffsetSegment,
): readonly BusinessInterval[] {
  const firstDay = Math.floor((startMs + offsetMs) / DAY_MS);
  const lastDay = Math.floor((endMs - 1 + offsetMs) / DAY_MS);
  const days = Array.from({ length: lastDay - firstDay + 1 }, (_, index) => firstDay + index);
  return days
    .filter((day) => !calendar.holidays.includes(dateOfDay(day)))
    .flatMap((day) => weeklyIntervalsOf(calendar, day))
    .map((wall) => ({
      startMs: Math.max(wall.startMs - offsetMs, startMs),
      endMs: Math.min(wall.endMs - offsetMs, endMs),
    }))
    .filter((interval) => interval.startMs < interval.endMs);
}

/** The business hours of a day in wall time, were it no holiday. */
function weeklyIntervalsOf(calendar: BusinessCalendar, day: number): readonly BusinessInterval[] {
  return intervalsOf(calendar.week[weekdayOfDay(day)]).map(({ startMs, endMs }) => ({
    startMs: day * DAY_MS + startMs,
    endMs: day * DAY_MS + endMs,
  }));
}

/** Since midnight. Calendars never change, and an evaluation asks about one day of them. */
const intervalsOf = oncePer((hours: readonly BusinessHours[]): readonly BusinessInterval[] =>
  hours.map(({ from, to }) => ({ startMs: timeMs(from) ?? Number.NaN, endMs: timeMs(to) ?? Number.NaN })),
);
