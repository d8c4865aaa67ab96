import { businessIntervals, type BusinessCalendar } from './calendar.ts';
import { timeAfter, type Clocked, type Clocks } from './clock.ts';

/** Business time is worked out no further ahead: what would expire later than that expires at its end. */
export const CLOCK_HORIZON_MS = 62 * 86_400_000;

/** The clocks that these rules count by, or null if all use wall-clock time. A calendar that was removed gives none. */
export function clocksBetween(
  rules: readonly Clocked[],
  calendars: readonly BusinessCalendar[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Clocks | null {
  const used = new Set(rules.map(({ clock }) => clock));
  const found = calendars
    .filter(({ id }) => used.has(id))
    .map((calendar) => {
      const intervals = fromMs < toMs ? businessIntervals(calendar, fromMs, toMs) : [];
      return [calendar.id, intervals.map(({ startMs, endMs }) => [startMs, endMs] as const)] as const;
    });
  return found.length === 0 ? null : Object.fromEntries(found);
}

/** A rule as far as its expiry goes. */
export interface Expiring extends Clocked {
  readonly expires_ms: number;
}

/**
 * When the first of these rules expires, in milliseconds, having become pending at an instant. Business time reaches to
 * the horizon and no further, and a rule whose calendar is gone counts wall time: both are earlier, never later.
 */
export function expiryMs(
  rules: readonly Expiring[],
  calendars: readonly BusinessCalendar[],
  sinceMs: number,
): number {
  const horizonMs = sinceMs + CLOCK_HORIZON_MS;
  const clocks = clocksBetween(rules, calendars, { fromMs: sinceMs, toMs: horizonMs }) ?? {};
  return Math.min(
    ...rules.map((rule) => {
      const span = { fromMs: sinceMs, durationMs: rule.expires_ms };
      const isGone = rule.clock !== undefined && !Object.hasOwn(clocks, rule.clock);
      return timeAfter(isGone ? {} : rule, span, clocks) ?? horizonMs;
    }),
  );
}

/** What a round of asking is bounded by, beside its rules. In milliseconds, Infinity for what bounds nothing. */
interface RoundBounds {
  /** When the request first waited for people. */
  readonly sinceMs: number;
  /** When the round before would have expired. */
  readonly beforeMs: number;
  /** From when on nothing that people approve could start. */
  readonly startWindowEndMs: number;
}

/**
 * When a round of asking expires: as its rules say, counted from the first round, and never later than the round before
 * or than an approval could still be acted on.
 */
export function roundExpiryMs(
  rules: readonly Expiring[],
  calendars: readonly BusinessCalendar[],
  { sinceMs, beforeMs, startWindowEndMs }: RoundBounds,
): number {
  return Math.min(expiryMs(rules, calendars, sinceMs), beforeMs, startWindowEndMs);
}
