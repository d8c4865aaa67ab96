import { instantMs } from './wall-clock.ts';

/** A time in which what was approved is held back. */
export interface FreezeWindow {
  readonly id: string;
  readonly title: string;
  /** Absolute instants, RFC 3339 UTC: in force from `from` on, `to` is the first instant after it. */
  readonly from: string;
  readonly to: string;
  /** Null: every environment. */
  readonly environments: readonly string[] | null;
  /** Null: every action. */
  readonly actions: readonly string[] | null;
}

/** What a freeze may hold back. */
export interface FreezeSubject {
  readonly environment: string;
  readonly action: string;
}

/** The freezes in force for the subject at an instant (RFC 3339). */
export function freezeAt(
  freezes: readonly FreezeWindow[],
  subject: FreezeSubject,
  at: string,
): readonly FreezeWindow[] {
  if (freezes.length === 0) return [];
  const atMs = instantMs(at);
  return freezes.filter(
    (freeze) => isAbout(freeze, subject) && Date.parse(freeze.from) <= atMs && atMs < Date.parse(freeze.to),
  );
}

/**
 * The first instant from `at` on (RFC 3339 UTC) at which no freeze is in force for the subject, through freezes that
 * overlap or follow each other without a gap. Null when none is in force at `at`.
 */
export function freezeEnd(
  freezes: readonly FreezeWindow[],
  subject: FreezeSubject,
  at: string,
): string | null {
  let end: string | null = null;
  for (let inForce = freezeAt(freezes, subject, at); inForce.length > 0;) {
    end = new Date(Math.max(...inForce.map((freeze) => Date.parse(freeze.to)))).toISOString();
    inForce = freezeAt(freezes, subject, end);
  }
  return end;
}

/** The first instant after `at` (RFC 3339 UTC) at which a freeze of the subject begins, or null. */
export function nextFreeze(
  freezes: readonly FreezeWindow[],
  subject: FreezeSubject,
  at: string,
): string | null {
  const begins = freezes
    .filter((freeze) => isAbout(freeze, subject))
    .map(({ from }) => Date.parse(from))
    .filter((beginMs) => beginMs > instantMs(at));
  return begins.length === 0 ? null : new Date(Math.min(...begins)).toISOString();
}

function isAbout(freeze: FreezeWindow, { environment, action }: FreezeSubject): boolean {
  const isEnvironment = freeze.environments === null || freeze.environments.includes(environment);
  return isEnvironment && (freeze.actions === null || freeze.actions.includes(action));
}
