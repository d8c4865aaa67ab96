import { DAY_MS, dayOfDate, instantMs, timeMs, type Weekday } from './wall-clock.ts';
import { firstInstantOfWallTime, offsetMsAt } from './zone.ts';

const WEEK_MS = 7 * DAY_MS;

/** Somebody stands in from `from` on; `to` is the first instant after it. Absolute instants, RFC 3339 UTC. */
export interface RotationOverride {
  readonly from: string;
  readonly to: string;
  readonly person: string;
}

/** Who is on call: one person at a time, a week each, in the order of `people`. Overrides do not overlap. */
export interface Rotation {
  readonly id: string;
  /** IANA name. */
  readonly time_zone: string;
  /** When a turn ends and the next begins, on the wall clock of the zone. */
  readonly hand_over: { readonly day: Weekday; readonly time: string };
  /** `YYYY-MM-DD` of the first hand-over, on the day of hand-overs: then the turn of the first person begins. */
  readonly starts_on: string;
  readonly people: readonly string[];
  readonly overrides: readonly RotationOverride[];
}

/**
 * The person on duty at an instant (RFC 3339): who stands in, else whose turn it is. Null before the rotation starts.
 * A hand-over happens once, also in a night in which the clock shows its time twice or not at all.
 */
export function personOnCall(rotation: Rotation, at: string): string | null {
  const atMs = instantMs(at);
  const turn = turnAt(rotation, atMs);
  if (turn < 0) return null;
  const override = rotation.overrides.find(
    ({ from, to }) => Date.parse(from) <= atMs && atMs < Date.parse(to),
  );
  return override?.person ?? rotation.people[turn % rotation.people.length] ?? null;
}

/** The first hand-over, in milliseconds since 1970. */
export function rotationStartMs(rotation: Pick<Rotation, 'time_zone' | 'starts_on' | 'hand_over'>): number {
  return firstInstantOfWallTime(rotation.time_zone, firstHandOverWallMs(rotation));
}

/** Everybody who is on call at some time: the people of the rotation and their substitutes. */
export function rotationMembers(rotation: Rotation): ReadonlySet<string> {
  return new Set([...rotation.people, ...rotation.overrides.map(({ person }) => person)]);
}

/** The number of the turn, from 0; negative before the first. */
function turnAt(rotation: Rotation, atMs: number): number {
  const firstWallMs = firstHandOverWallMs(rotation);
  const wallMs = atMs + offsetMsAt(rotation.time_zone, atMs);
  const turn = Math.floor((wallMs - firstWallMs) / WEEK_MS);
  const nextWallMs = firstWallMs + (turn + 1) * WEEK_MS;
  // The clock may have been put back over a hand-over that has happened. It was never put back by more than a day.
  if (nextWallMs - wallMs > DAY_MS) return turn;
  return atMs >= firstInstantOfWallTime(rotation.time_zone, nextWallMs) ? turn + 1 : turn;
}

function firstHandOverWallMs({ starts_on, hand_over }: Pick<Rotation, 'starts_on' | 'hand_over'>): number {
  return (dayOfDate(starts_on) ?? Number.NaN) * DAY_MS + (timeMs(hand_over.time) ?? Number.NaN);
}
