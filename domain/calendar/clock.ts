import { addBusinessTime } from './business-time.ts';

/**
 * The business time of some calendars, by id: sorted intervals, each from its first millisecond to the first one after
 * it. Absolute instants, worked out once, so that workflow code needs no time zones.
 */
export type Clocks = Readonly<Record<string, readonly (readonly [startMs: number, endMs: number])[]>>;

/** What a rule counts its time by: a calendar whose business time it is, or, when absent, the clock on the wall. */
export interface Clocked {
  readonly clock?: string;
}

/**
 * The instant by which so much time has passed, counted as the rule counts. Null when the clock is not known that far,
 * or not at all: then nobody can tell, and nothing must happen because of it.
 */
export function timeAfter(
  { clock }: Clocked,
  { fromMs, durationMs }: { readonly fromMs: number; readonly durationMs: number },
  clocks: Clocks = {},
): number | null {
  if (clock === undefined) return fromMs + durationMs;
  const intervals = Object.hasOwn(clocks, clock) ? (clocks[clock] ?? []) : [];
  return addBusinessTime(
    intervals.map(([startMs, endMs]) => ({ startMs, endMs })),
    fromMs,
    durationMs,
  );
}
