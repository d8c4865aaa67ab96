import { KeyturnError } from '../errors.ts';
import { BoundedMap, remembered } from '../once-per.ts';
import { DAY_MS } from './wall-clock.ts';

/** A time zone during which the clock is not changed: wall time is `startMs` … `endMs` plus `offsetMs`. */
export interface OffsetSegment {
  readonly startMs: number;
  /** The first instant after it. */
  readonly endMs: number;
  readonly offsetMs: number;
}

/** Making a formatter costs a thousand times its use. Bounded: a process sees few zones in its life. */
const clocks = new BoundedMap<string, Clock>(128);

/** How a zone's clock is read, with what it was last read as: a check asks about one instant, or one time, many times. */
interface Clock {
  readonly format: Intl.DateTimeFormat;
  secondMs: number;
  offsetMs: number;
  /** Days (UTC) and the offset of all of them, or null for a day on which the clock is changed. */
  readonly days: Map<number, number | null>;
}

const DAYS_MAX = 1_024;

/** IANA names; `+01:00`, which Intl also takes, has no rules and is no zone. */
const NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,3}$/;
const NAME_LENGTH_MAX = 64;

/** No zone has ever been further from UTC. */
const OFFSET_MS_MAX = 16 * 3_600_000;

/** Longer ranges are refused: no deadline and no simulation needs them, and each day costs time. */
const RANGE_MS_MAX = 11 * 366 * DAY_MS;

/** True for an IANA time zone that this machine's data know. */
export function isTimeZone(name: string): boolean {
  if (name.length > NAME_LENGTH_MAX || !NAME.test(name)) return false;
  try {
    clockOf(name);
    return true;
  } catch {
    return false;
  }
}

/** What must be added to UTC for the wall clock of the zone at an instant, in milliseconds. */
export function offsetMsAt(zone: string, atMs: number): number {
  const clock = clockOf(zone);
  const secondMs = Math.floor(atMs / 1000) * 1000;
  if (clock.secondMs !== secondMs) {
    clock.offsetMs = offsetOfDay(clock, Math.floor(atMs / DAY_MS)) ?? readOffset(clock, secondMs);
    clock.secondMs = secondMs;
  }
  return clock.offsetMs;
}

/** Reading a clock takes longer than everything else, so a day that begins and ends alike is read once: see `nextChange`. */
function offsetOfDay(clock: Clock, day: number): number | null {
  return remembered(clock.days, day, () => {
    const offsetMs = readOffset(clock, day * DAY_MS);
    return offsetMs === readOffset(clock, (day + 1) * DAY_MS) ? offsetMs : null;
  });
}

function readOffset({ format }: Clock, secondMs: number): number {
  return wallMsOf(format, secondMs) - secondMs;
}

/** The stretches of [`fromMs`, `toMs`) between changes of the zone's clock, in order and without gaps. */
export function offsetSegments(zone: string, fromMs: number, toMs: number): readonly OffsetSegment[] {
  if (!(toMs - fromMs <= RANGE_MS_MAX)) throw new RangeError('The range is too long.');
  const segments: OffsetSegment[] = [];
  for (let startMs = fromMs; startMs < toMs;) {
    const offsetMs = offsetMsAt(zone, startMs);
    const endMs = nextChange(zone, { startMs, endMs: toMs, offsetMs });
    segments.push({ startMs, endMs, offsetMs });
    startMs = endMs;
  }
  return segments;
}

/**
 * The instants at which the zone's clock shows `wallMs` (a wall time written as if it were UTC), earliest first: none
 * when the clock is put forward over it, two when it is put back over it.
 */
export function instantsOfWallTime(zone: string, wallMs: number): readonly number[] {
  return segmentsAround(zone, wallMs)
    .map(({ offsetMs, ...segment }) => ({ ...segment, atMs: wallMs - offsetMs }))
    .filter(({ startMs, endMs, atMs }) => startMs <= atMs && atMs < endMs)
    .map(({ atMs }) => atMs);
}

/** The first instant at which the zone's clock shows `wallMs` or, when it is put forward over that, anything later. */
export function firstInstantOfWallTime(zone: string, wallMs: number): number {
  for (const { startMs, endMs, offsetMs } of segmentsAround(zone, wallMs)) {
    const atMs = Math.max(startMs, wallMs - offsetMs);
    if (atMs < endMs) return atMs;
  }
  throw new RangeError('A wall time is further from UTC than any zone is.');
}

function segmentsAround(zone: string, wallMs: number): readonly OffsetSegment[] {
  return offsetSegments(zone, wallMs - OFFSET_MS_MAX, wallMs + OFFSET_MS_MAX);
}

/** Day by day, then exactly: no zone has ever changed its clock twice within a day and ended where it began. */
function nextChange(zone: string, { startMs, endMs, offsetMs }: OffsetSegment): number {
  let lastMs = startMs;
  while (lastMs < endMs) {
    const nextMs = Math.min(lastMs + DAY_MS, endMs);
    if (offsetMsAt(zone, nextMs) !== offsetMs) return changeWithin(zone, lastMs, nextMs);
    lastMs = nextMs;
  }
  return endMs;
}

/** The first instant of (`beforeMs`, `afterMs`] with another offset than `beforeMs`. */
function changeWithin(zone: string, beforeMs: number, afterMs: number): number {
  const offsetMs = offsetMsAt(zone, beforeMs);
  let [low, high] = [beforeMs, afterMs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMsAt(zone, middle) === offsetMs) low = middle;
    else high = middle;
  }
  return high;
}

function wallMsOf(format: Intl.DateTimeFormat, atMs: number): number {
  const parts = format.formatToParts(atMs);
  const part = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((candidate) => candidate.type === type)?.value);
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

function clockOf(zone: string): Clock {
  return remembered(clocks, zone, () => {
    const days = new BoundedMap<number, number | null>(DAYS_MAX);
    return { format: makeFormatter(zone), secondMs: Number.NaN, offsetMs: Number.NaN, days };
  });
}

function makeFormatter(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    // A policy is checked where it is installed; a process with older data refuses rather than guesses.
    throw new KeyturnError('policy_invalid', 'The policy names a time zone that this process does not know.');
  }
}
