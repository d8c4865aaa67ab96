import * as fc from 'fast-check';

import type { BusinessCalendar, BusinessHours } from '../../../domain/calendar/calendar.ts';
import type { Rotation } from '../../../domain/calendar/rotation.ts';

export const HOUR_MS = 3_600_000;
export const WEEK_DAY_MS = 24 * HOUR_MS;

const OFFICE_HOURS: readonly BusinessHours[] = [{ from: '09:00', to: '17:30' }];
const ALL_DAY: readonly BusinessHours[] = [{ from: '00:00', to: '24:00' }];

/** Open from Monday to Friday, closed on Christmas Day. */
export const OFFICE: BusinessCalendar = {
  id: 'office',
  time_zone: 'Europe/Berlin',
  week: {
    mon: OFFICE_HOURS,
    tue: OFFICE_HOURS,
    wed: OFFICE_HOURS,
    thu: OFFICE_HOURS,
    fri: OFFICE_HOURS,
    sat: [],
    sun: [],
  },
  holidays: ['2026-12-25'],
};

/** The same hours every day. */
export function daily(
  time_zone: string,
  hours: readonly BusinessHours[] = ALL_DAY,
  holidays: readonly string[] = [],
): BusinessCalendar {
  const week = { mon: hours, tue: hours, wed: hours, thu: hours, fri: hours, sat: hours, sun: hours };
  return { id: 'daily', time_zone, week, holidays };
}

/** Olga, Dmitri and Omar in turn, from Monday to Monday at nine. */
export const ROTATION: Rotation = {
  id: 'sre',
  time_zone: 'Europe/Berlin',
  hand_over: { day: 'mon', time: '09:00' },
  starts_on: '2026-01-05',
  people: ['olga', 'dmitri', 'omar'],
  overrides: [],
};

/** Zones whose clocks do what others do not: half hours, three quarters, a day that never was, no changes at all. */
export const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Pacific/Chatham',
  'Africa/Casablanca',
] as const;

export const anyZone = fc.constantFrom(...ZONES);

/** An instant of the years 2000 to 2040, so that every zone has changes of its clock in them. */
export const anyInstantMs = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2040, 0, 1) });

const clock = (minutes: number): string =>
  [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':');

/** Hours of one day: sorted and apart. */
const anyHours: fc.Arbitrary<readonly BusinessHours[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 1440 }), { maxLength: 6 })
  .map((minutes) => {
    const marks = minutes.toSorted((left, right) => left - right);
    const pairs = Array.from({ length: Math.floor(marks.length / 2) }, (_, index) => index * 2);
    return pairs.map((at) => ({ from: clock(marks[at] ?? 0), to: clock(marks[at + 1] ?? 0) }));
  });

/** Any calendar, of which half have the first day asked about as a holiday. */
export const anyCalendar: fc.Arbitrary<BusinessCalendar> = fc.record({
  id: fc.constant('any'),
  time_zone: anyZone,
  week: fc.record({
    mon: anyHours,
    tue: anyHours,
    wed: anyHours,
    thu: anyHours,
    fri: anyHours,
    sat: anyHours,
    sun: anyHours,
  }),
  holidays: fc.array(
    fc
      .integer({ min: 10_957, max: 25_567 })
      .map((day) => new Date(day * WEEK_DAY_MS).toISOString().slice(0, 10)),
    { maxLength: 3 },
  ),
});

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
