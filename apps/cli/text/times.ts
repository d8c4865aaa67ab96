import { InvalidArgumentError } from 'commander';

import { duration } from '../../../domain/cards/words.ts';
import { UNIT_MS } from '../../../policy-files/durations.ts';

const UNITS = Object.entries(UNIT_MS);

/** `2026-01-05 10:00:00Z (in 52m)` */
export function instant(at: string, now: number): string {
  return `${clock(at)} (${relative(at, now)})`;
}

/** `in 52m`, `8m ago` */
export function relative(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  return ms >= 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}

/** `2026-01-05 10:00:00Z` */
export function clock(at: string): string {
  return new Date(at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

/** An instant given as such or as a time from now (`90m`, `2d`); null when it is neither. */
export function parseInstant(text: string, now: number): string | null {
  const relative = /^(\d{1,6})([smhd])$/.exec(text);
  if (relative) {
    const size = UNITS.find(([unit]) => unit === relative[2])?.[1] ?? 0;
    return new Date(now + Number(relative[1]) * size).toISOString();
  }
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) && isDay(text.slice(0, 10)) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

/** Whether the calendar has such a day: JavaScript moves the 30th of February into March. */
export function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** A length of time such as `90s`, `10m` or `2h`, in milliseconds. Refuses anything else. */
export function parseTimeout(text: string): number {
  const at = /^\d{1,6}[smhd]$/.test(text) ? parseInstant(text, 0) : null;
  if (at === null) throw new InvalidArgumentError('Write a duration such as 90s, 10m or 2h.');
  return Date.parse(at);
}
