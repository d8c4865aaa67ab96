import { freezeEnd, nextFreeze } from '../calendar/freeze.ts';
import type { SignedRequest } from '../crypto/envelope.ts';
import type { Evaluation } from '../policy/evaluation.ts';
import type { PolicySet } from '../policy/policy.ts';
import type { PolicyFacts } from '../policy/built-in-facts.ts';

/** Why an approved request may not start yet, and from when on it is worth asking again. RFC 3339 UTC. */
export interface Hold {
  readonly until: string;
  readonly why: 'start_window' | 'freeze';
}

/** What is known when an approved request is about to start. */
export interface StartFacts {
  readonly policy: PolicySet;
  readonly facts: Pick<PolicyFacts, 'action' | 'target' | 'at'>;
  readonly evaluation: Pick<Evaluation, 'is_break_glass'>;
}

/**
 * When an approved request may start: now (null), later, or never any more (`over`). A freeze holds whatever was
 * approved, unless it came by a break-glass path; a start window holds everything.
 */
export function startOf(
  { policy, facts, evaluation }: StartFacts,
  { start }: Pick<SignedRequest, 'start'>,
): Hold | 'over' | null {
  const { at, action, target } = facts;
  const now = Date.parse(at);
  const windowEndMs = startWindowEndMs({ start });
  if (windowEndMs <= now) return 'over';
  if (start?.not_before && Date.parse(start.not_before) > now)
    return { until: start.not_before, why: 'start_window' };
  if (evaluation.is_break_glass) return null;
  const end = freezeEnd(policy.freezes, { action, environment: target.environment }, at);
  if (end === null) return null;
  return { until: new Date(Math.min(Date.parse(end), windowEndMs)).toISOString(), why: 'freeze' };
}

/** From when on an action cannot start any more, whatever its approvals, in milliseconds: for ever without a start window. */
export function startWindowEndMs({ start }: Pick<SignedRequest, 'start'>): number {
  return start?.not_after ? Date.parse(start.not_after) : Infinity;
}

/** True where something lasts exactly as long as the start window: its end is why. */
export function isStartWindowEnd({ start }: Pick<SignedRequest, 'start'>, at: string | null): boolean {
  return at !== null && Date.parse(at) === startWindowEndMs({ start });
}

/**
 * The instant from which an action that may start now may not any more: its start window ends, or a freeze begins that
 * would hold it. Null when neither is in sight. A decision that somebody else acts on lasts no longer.
 */
export function startEnd(
  { policy, facts, evaluation }: StartFacts,
  { start }: Pick<SignedRequest, 'start'>,
): string | null {
  const { at, action, target } = facts;
  const subject = { action, environment: target.environment };
  const freeze = evaluation.is_break_glass ? null : nextFreeze(policy.freezes, subject, at);
  const ends = [start?.not_after ?? null, freeze].filter((end) => end !== null);
  return ends.toSorted((left, right) => Date.parse(left) - Date.parse(right))[0] ?? null;
}
