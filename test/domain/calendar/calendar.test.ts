import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { businessIntervals, calendarFacts } from '../../../domain/calendar/calendar.ts';
import { anyCalendar, anyInstantMs, anyZone, daily, HOUR_MS, iso, OFFICE, WEEK_DAY_MS } from './examples.ts';

/** Business time of a day and its neighbours, as UTC texts. */
function intervalsOf(calendar: typeof OFFICE, from: string, to: string): readonly string[] {
  return businessIntervals(calendar, Date.parse(from), Date.parse(to)).map(
    ({ startMs, endMs }) => `${iso(startMs)} ${iso(endMs)}`,
  );
}

/** Hours of business time within. */
function hoursOf(calendar: typeof OFFICE, from: string, to: string): number {
  const intervals = businessIntervals(calendar, Date.parse(from), Date.parse(to));
  return intervals.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) / HOUR_MS;
}

describe('the facts of an instant', () => {
  it('are those of the wall clock of the zone', () => {
    expect(calendarFacts(OFFICE, '2026-11-23T08:00:00.000Z')).toEqual({
      business_hours: true,
      holiday: false,
      weekday: 1,
      hour: 9,
      minute: 0,
      date: '2026-11-23',
    });
    expect(calendarFacts({ ...OFFICE, time_zone: 'Asia/Kolkata' }, '2026-11-22T19:45:00.000Z')).toEqual({
      business_hours: false,
      holiday: false,
      weekday: 1,
      hour: 1,
      minute: 15,
      date: '2026-11-23',
    });
  });

  it('begin with the first minute of the hours and end before their last', () => {
    const isOpen = (at: string): boolean => calendarFacts(OFFICE, at).business_hours;
    expect(isOpen('2026-11-23T07:59:59.999Z')).toBe(false);
    expect(isOpen('2026-11-23T16:29:59.999Z')).toBe(true);
    expect(isOpen('2026-11-23T16:30:00.000Z')).toBe(false);
    expect(isOpen('2026-11-22T12:00:00.000Z')).toBe(false);
  });

  it('say of a holiday that it has no business hours, from its midnight to the next', () => {
    const onHoliday = { business_hours: false, holiday: true, date: '2026-12-25' };
    expect(calendarFacts(OFFICE, '2026-12-25T10:00:00.000Z')).toMatchObject(onHoliday);
    expect(calendarFacts(OFFICE, '2026-12-24T23:00:00.000Z')).toMatchObject(onHoliday);
    expect(calendarFacts(OFFICE, '2026-12-24T22:59:00.000Z')).toMatchObject({ holiday: false, weekday: 4 });
  });

  it('know the day that Apia left out', () => {
    const apia = daily('Pacific/Apia');
    expect(calendarFacts(apia, '2011-12-30T09:59:59.000Z')).toMatchObject({ date: '2011-12-29', weekday: 4 });
    expect(calendarFacts(apia, '2011-12-30T10:00:00.000Z')).toMatchObject({ date: '2011-12-31', weekday: 6 });
  });

  it('are what another reading of the same clock shows', () => {
    fc.assert(
      fc.property(anyZone, anyInstantMs, (time_zone, atMs) => {
        const format = new Intl.DateTimeFormat('sv-SE', {
          timeZone: time_zone,
          dateStyle: 'short',
          timeStyle: 'short',
        });
        const { date, hour, minute } = calendarFacts(daily(time_zone), iso(atMs));
        const two = (part: number): string => String(part).padStart(2, '0');
        expect(`${date} ${two(hour)}:${two(minute)}`).toBe(format.format(atMs));
      }),
    );
  });

  it('are refused for what is no instant, and for a zone that this process does not know', () => {
    expect(() => calendarFacts(OFFICE, 'yesterday')).toThrow(RangeError);
    expect(() => calendarFacts(daily('Mars/Olympus'), '2026-11-23T08:00:00.000Z')).toThrow(
      expect.objectContaining({ code: 'policy_invalid' }),
    );
  });
});

describe('the business time of a range', () => {
  it('leaves out weekends and holidays, and is cut to the range', () => {
    expect(intervalsOf(OFFICE, '2026-12-24T10:00:00Z', '2026-12-28T09:00:00Z')).toEqual([
      '2026-12-24T10:00:00.000Z 2026-12-24T16:30:00.000Z',
      '2026-12-28T08:00:00.000Z 2026-12-28T09:00:00.000Z',
    ]);
  });

  it.each([
    ['Europe/Berlin', '2026-03-29', 23],
    ['Europe/Berlin', '2026-10-25', 25],
    ['America/New_York', '2026-03-08', 23],
    ['America/New_York', '2026-11-01', 25],
    ['Australia/Lord_Howe', '2026-04-05', 24.5],
    ['Australia/Lord_Howe', '2026-10-04', 23.5],
    ['Asia/Kolkata', '2026-03-29', 24],
    ['Pacific/Apia', '2011-12-30', 0],
    ['Pacific/Apia', '2011-12-31', 24],
  ])('in %s has on %s as many hours as the day: %s', (zone, date, hours) => {
    const others = Array.from({ length: 7 }, (_, index) =>
      iso(Date.parse(date) + (index - 3) * WEEK_DAY_MS).slice(0, 10),
    );
    const only = daily(
      zone,
      undefined,
      others.filter((other) => other !== date),
    );
    const middle = Date.parse(date) + WEEK_DAY_MS / 2;
    expect(hoursOf(only, iso(middle - 2.5 * WEEK_DAY_MS), iso(middle + 2.5 * WEEK_DAY_MS))).toBe(hours);
  });

  it('counts an hour that the clock shows twice twice, apart where the clock was in between', () => {
    const night = daily('Europe/Berlin', [{ from: '02:00', to: '02:30' }]);
    expect(intervalsOf(night, '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-25T00:00:00.000Z 2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z 2026-10-25T01:30:00.000Z',
    ]);
  });

  it('has nothing of an hour that the clock skips', () => {
    const night = daily('Europe/Berlin', [{ from: '02:00', to: '03:00' }]);
    expect(intervalsOf(night, '2026-03-28T12:00:00Z', '2026-03-29T12:00:00Z')).toEqual([]);
    const longer = daily('Europe/Berlin', [{ from: '01:30', to: '03:30' }]);
    expect(hoursOf(longer, '2026-03-28T12:00:00Z', '2026-03-29T12:00:00Z')).toBe(1);
  });

  it('is one interval where days follow each other without a gap', () => {
    expect(businessIntervals(daily('America/St_Johns'), 0, 400 * WEEK_DAY_MS)).toEqual([
      { startMs: 0, endMs: 400 * WEEK_DAY_MS },
    ]);
  });

  it('is refused for a range without end', () => {
    expect(() => businessIntervals(OFFICE, 0, Infinity)).toThrow(RangeError);
    expect(() => businessIntervals(OFFICE, Number.NaN, 0)).toThrow(RangeError);
    expect(businessIntervals(OFFICE, 10, 0)).toEqual([]);
  });

  it('is sorted, never overlaps, and is exactly the minutes that the facts call business hours', () => {
    fc.assert(
      fc.property(
        anyCalendar,
        anyInstantMs,
        fc.integer({ min: 1, max: 1440 }),
        (calendar, start, minutes) => {
          const fromMs = Math.floor(start / 60_000) * 60_000;
          const intervals = businessIntervals(calendar, fromMs, fromMs + minutes * 60_000);
          intervals.forEach(({ startMs, endMs }, index) => {
            expect(startMs).toBeLessThan(endMs);
            expect(startMs).toBeGreaterThan(intervals[index - 1]?.endMs ?? -Infinity);
          });
          const open = (atMs: number): boolean =>
            intervals.some(({ startMs, endMs }) => startMs <= atMs && atMs < endMs);
          const wrong = Array.from({ length: minutes }, (_, index) => fromMs + index * 60_000).filter(
            (atMs) => open(atMs) !== calendarFacts(calendar, iso(atMs)).business_hours,
          );
          expect(wrong.map(iso)).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([
    ['Europe/Berlin', '2026-03-29T00:00:00Z'],
    ['Europe/Berlin', '2026-10-25T00:00:00Z'],
    ['Australia/Lord_Howe', '2026-10-03T15:00:00Z'],
    ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ])('is so, too, around the change of the clock in %s at %s', (time_zone, change) => {
    const fromMs = Date.parse(change) - 6 * HOUR_MS;
    fc.assert(
      fc.property(anyCalendar, (calendar) => {
        const there = { ...calendar, time_zone };
        const intervals = businessIntervals(there, fromMs, fromMs + 12 * HOUR_MS);
        const wrong = Array.from({ length: 144 }, (_, index) => fromMs + index * 300_000).filter(
          (atMs) =>
            intervals.some(({ startMs, endMs }) => startMs <= atMs && atMs < endMs) !==
            calendarFacts(there, iso(atMs)).business_hours,
        );
        expect(wrong.map(iso)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});
