/** Milliseconds of one civil day and of one minute, as a wall clock counts them. */
export const DAY_MS = 86_400_000;

/** Milliseconds of one minute. */
export const MINUTE_MS = 60_000;

/** The days of a week as policies write them, Monday first. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** A day of the week. */
export type Weekday = (typeof WEEKDAYS)[number];

const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const TIME = /^([01][0-9]|2[0-3]):([0-5][0-9])$/;

/** The day number (days since 1970-01-01) of a date `YYYY-MM-DD`; null for what is no date, such as 2026-02-30. */
export function dayOfDate(date: string): number | null {
  if (!DATE.test(date)) return null;
  const ms = Date.parse(`${date}T00:00:00.000Z`);
  // Some engines read a date that does not exist as the next one that does.
  return Number.isFinite(ms) && dateOfDay(ms / DAY_MS) === date ? ms / DAY_MS : null;
}

/** The date `YYYY-MM-DD` of a day number. */
export function dateOfDay(day: number): string {
  // Of the day that was last asked about it is asked again and again.
  if (lastDate.day !== day) lastDate = { day, date: new Date(day * DAY_MS).toISOString().slice(0, 10) };
  return lastDate.date;
}

let lastDate = { day: Number.NaN, date: '' };

/** Milliseconds since midnight of a time `HH:MM`; `24:00` is the end of the day. Null for what is no time. */
export function timeMs(time: string): number | null {
  if (time === '24:00') return DAY_MS;
  const match = TIME.exec(time);
  return match ? (Number(match[1]) * 60 + Number(match[2])) * MINUTE_MS : null;
}

/** The day of the week of a day number. */
export function weekdayOfDay(day: number): Weekday {
  // Day 0 was a Thursday.
  return WEEKDAYS[(((day + 3) % 7) + 7) % 7] ?? 'mon';
}

/** Milliseconds since 1970 of an instant in RFC 3339. Throws for what cannot be read: no clock rule may guess. */
export function instantMs(at: string): number {
  const ms = Date.parse(at);
  if (!Number.isFinite(ms)) throw new RangeError('An instant cannot be read.');
  return ms;
}
