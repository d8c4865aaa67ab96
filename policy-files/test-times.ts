import { dayOfDate } from '../domain/calendar/wall-clock.ts';
import type { Value } from './value.ts';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/;

/** An instant as RFC 3339 UTC with milliseconds; undefined when it is none, or absent. */
export function readInstant(value: Value | undefined): string | undefined {
  const text = value?.text() ?? '';
  if (!value || text === '') return undefined;
  const instant =
    INSTANT.test(text) && dayOfDate(text.slice(0, 10)) !== null ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(instant.getTime())) return instant.toISOString();
  return value.refuse('not an instant such as 2026-11-24T10:00:00Z or 2026-11-24T11:00:00+01:00');
}

/** How long after `since` something happens, milliseconds: a duration, or an instant that is not before it. */
export function readMoment(value: Value | undefined, since: string): number {
  if (!value) return 0;
  if (!/^\d{4}-/.test(value.isText() ? value.text() : '')) return value.durationMs();
  const afterMs = Date.parse(readInstant(value) ?? since) - Date.parse(since);
  if (afterMs < 0) value.refuse(`is before the request, which is made at ${since}`);
  return Math.max(afterMs, 0);
}
