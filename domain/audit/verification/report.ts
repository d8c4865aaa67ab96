import type { Finding } from './finding.ts';

/** `not_shown`: nothing is wrong, but what there is to check with is not enough to say that all is right. */
export type VerificationOutcome = 'ok' | 'failed' | 'not_shown';

/** One check, by a name that never changes. */
export interface VerificationLine {
  readonly name: string;
  readonly ok: boolean;
  readonly outcome: VerificationOutcome;
  /** What was checked, or everything that is wrong or cannot be seen. */
  readonly detail: string;
}

/** The line of a check. What is wrong comes before what cannot be seen. */
export function lineOf(name: string, { problems, notShown = [], checked }: Finding): VerificationLine {
  if (problems.length > 0) return { name, ok: false, outcome: 'failed', detail: problems.join('; ') };
  if (notShown.length > 0) return { name, ok: false, outcome: 'not_shown', detail: notShown.join('; ') };
  return { name, ok: true, outcome: 'ok', detail: checked };
}

/** What several checks found. `ok` only when every check holds. */
export interface Report {
  readonly ok: boolean;
  readonly outcome: VerificationOutcome;
  readonly checks: readonly VerificationLine[];
}

/** One failed check fails all; else one that shows nothing keeps all from holding. */
export function reportOf(checks: readonly VerificationLine[]): Report {
  const outcomes = checks.map(({ outcome }) => outcome);
  const outcome = (['failed', 'not_shown'] as const).find((one) => outcomes.includes(one)) ?? 'ok';
  return { ok: outcome === 'ok', outcome, checks };
}
