import type { CountedDecision } from '../approval/quorum.ts';
import { isLineageActive } from '../identity/directory.ts';
import type { Evaluation } from '../policy/evaluation.ts';
import { isOwnAction, type PolicySet } from '../policy/policy.ts';
import type { PolicyQuery } from '../policy/policy-query.ts';
import type { Requirement } from '../request/requirement.ts';

/** How long an answer may be relied upon where no rule says, milliseconds. */
const VALID_FOR_MS = 300_000;

/** No answer may be relied upon longer than this, milliseconds. */
export const VALID_FOR_MS_MAX = 86_400_000;

/** The run that audit entries of answers on the spot name: they have no workflow. */
export const GATE_RUN = 'gate';

/** What the one who performs the action goes by. `valid_until` is RFC 3339 UTC: from that instant on it means nothing. */
export type GateResult = {
  readonly decision: 'allowed' | 'approved';
  readonly performed_by_keyturn: false;
  readonly valid_until: string;
};

/**
 * True when policy allows the action and nothing about that is in doubt: everything else goes to a workflow, where it is
 * on record and people can decide. Actions on Keyturn itself are never allowed on the spot. The directory is that of now, by
 * every authority: what the policy's files say is not all of it.
 */
export function isAllowedAtOnce(
  { directory, action, lineage }: Pick<PolicyQuery, 'directory' | 'action' | 'lineage'>,
  evaluation: Evaluation,
): boolean {
  return (
    evaluation.effect === 'allow' &&
    !evaluation.is_degraded &&
    !isOwnAction(action) &&
    isLineageActive(directory, lineage)
  );
}

/** How long an allow may be relied upon, milliseconds: the shortest time that any of the rules that allow it gives. */
export function allowedForMs(policy: PolicySet, { rules }: Pick<Evaluation, 'rules'>): number {
  const matched = new Set(rules.map(({ id }) => id));
  const times = policy.rules
    .filter((rule) => rule.effect === 'allow' && matched.has(rule.id))
    .map((rule) => rule.valid_for_ms ?? VALID_FOR_MS);
  return Math.min(VALID_FOR_MS_MAX, ...(times.length === 0 ? [VALID_FOR_MS] : times));
}

/** An instant (RFC 3339 UTC), or the end that comes before it. */
export function cutAt(validUntil: string, end: string | null): string {
  return end !== null && Date.parse(end) < Date.parse(validUntil) ? end : validUntil;
}

/**
 * The instant until which approvals may be relied upon: when the first of those that count goes stale, and never longer
 * from now than the strictest maximum age. RFC 3339 UTC.
 */
export function approvedUntil(
  requirement: Requirement,
  approvals: readonly Pick<CountedDecision, 'at' | 'seats'>[],
  now: string,
): string {
  const strictestMs = Math.min(...requirement.rules.map((rule) => rule.maximum_age_ms));
  const stale = approvals
    .map(({ at, seats }) => {
      const ages = seats.map(({ rule }) => requirement.rules[rule]?.maximum_age_ms ?? strictestMs);
      return Date.parse(at) + Math.min(...ages);
    })
    .filter((instant) => instant > Date.parse(now));
  return new Date(Math.min(Date.parse(now) + strictestMs, ...stale)).toISOString();
}
