import { dayOfDate, timeMs } from '../domain/calendar/wall-clock.ts';
import { instantsOfWallTime, isTimeZone, offsetMsAt } from '../domain/calendar/zone.ts';
import { didYouMean, quote } from './problem.ts';
import type { Fields, Value } from './value.ts';

/** Dates outside these years are taken for typing errors. */
const YEAR_MIN = 2000;
const YEAR_MAX = 2199;

const DATE_TIME = /^([0-9-]{10})T([0-9]{2}:[0-9]{2})(?::([0-5][0-9]))?(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?$/;

/** The name of an IANA time zone; empty when it is none. */
export function readTimeZone(value: Value | undefined): string {
  const name = value?.text() ?? '';
  if (name === '' || isTimeZone(name)) return name;
  const known = Intl.supportedValuesOf('timeZone');
  value?.refuse(`${quote(name)} is not a time zone: a name such as Europe/Berlin${didYouMean(name, known)}`);
  return '';
}

/** A time of the day, `00:00` to `23:59`; empty when it is none. */
export function readTime(value: Value | undefined): string {
  const time = value?.text() ?? '';
  if (time === '' || (time !== '24:00' && timeMs(time) !== null)) return time;
  value?.refuse(`${quote(time)} is not a time: HH:MM, from 00:00 to 23:59`);
  return '';
}

/** A date `YYYY-MM-DD`; empty when it is none. */
export function readDate(value: Value | undefined): string {
  const date = value?.text() ?? '';
  if (date === '' || isDate(date)) return date;
  value?.refuse(`${quote(date)} is not a date: YYYY-MM-DD, of a day that exists`);
  return '';
}

function isDate(text: string): boolean {
  const year = Number(text.slice(0, 4));
  return dayOfDate(text) !== null && year >= YEAR_MIN && year <= YEAR_MAX;
}

/** Reads `from` and `to`, two instants; `to` is the first one after the span. Empty where one is none. */
export function readSpan(
  fields: Fields,
  zone: string | undefined,
): { readonly from: string; readonly to: string } {
  const from = readInstant(fields.get('from'), zone);
  const to = readInstant(fields.get('to'), zone);
  // Both are written alike, so their texts sort as the instants do.
  if (from !== '' && to !== '' && to <= from) fields.get('to')?.refuse("must be later than 'from'");
  return { from, to };
}

/**
 * An instant as RFC 3339 UTC with milliseconds; empty when it is none. Written on the wall clock of the zone, or with an
 * offset. A wall time that the zone's clock skips, or shows twice, is refused: nobody should have to guess which.
 */
function readInstant(value: Value | undefined, zone: string | undefined): string {
  const text = value?.text() ?? '';
  if (!value || text === '') return '';
  const read = parseDateTime(text);
  if (!read) {
    value.refuse(
      `${quote(text)} is not a date and time: 2026-12-20T09:00, or with an offset 2026-12-20T09:00+01:00`,
    );
    return '';
  }
  if (read.offset !== undefined) return new Date(`${read.written}${read.offset}`).toISOString();
  return readWallTime(value, Date.parse(`${read.written}Z`), zone);
}

function parseDateTime(
  text: string,
): { readonly written: string; readonly offset?: string | undefined } | null {
  const match = DATE_TIME.exec(text);
  if (!match) return null;
  const [, date = '', time = '', seconds = '00', offset] = match;
  const isTime = time !== '24:00' && timeMs(time) !== null;
  return isDate(date) && isTime ? { written: `${date}T${time}:${seconds}`, offset } : null;
}

function readWallTime(value: Value, wallMs: number, zone: string | undefined): string {
  if (zone === undefined)
    value.refuse('there is no calendar to give the time zone: add one, or an offset or Z');
  // A zone that could not be read was reported there.
  if (zone === undefined || zone === '') return '';
  const [first, second] = instantsOfWallTime(zone, wallMs);
  if (first !== undefined && second === undefined) return new Date(first).toISOString();
  if (first === undefined) value.refuse(`does not exist in ${zone}: the clock is put forward over it`);
  else {
    const [early, late] = [first, second ?? first].map((atMs) => offsetText(offsetMsAt(zone, atMs)));
    value.refuse(`happens twice in ${zone}: add the offset, ${early} or ${late}`);
  }
  return '';
}

function offsetText(offsetMs: number): string {
  const minutes = Math.abs(offsetMs) / 60_000;
  const two = (count: number): string => String(Math.floor(count)).padStart(2, '0');
  return `${offsetMs < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}
