import { approvedUntil, cutAt, type GateResult } from '../../domain/execution/gate-validity.ts';
import { withoutTakenBack } from '../../domain/approval/quorum.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { DecisionRow, RequestRow } from '../../database/tables.ts';

/** A decision that somebody else acts on, and until when. */
export type GateDecision = Pick<GateResult, 'decision' | 'valid_until'>;

/** What entitles to the action, as far as its end goes. */
export interface GateInputs {
  /** Null where nobody had to be asked. */
  readonly requirement: Requirement | null;
  /** One instant for the age of approvals and for the record, so that a replay of the tally gets the same. */
  readonly evaluatedAt: Date;
  /** How long an allow by policy may be relied upon, where nobody had to be asked. */
  readonly allowedMs: number;
  /** When what may start now may not any more; null when that is not in sight. */
  readonly startsBefore: string | null;
}

/**
 * Says until when an approval may be acted on: never longer than the approvals themselves last, nor past the end of the
 * request's start window or into a freeze.
 */
export function gateDecision(
  { round: current }: Pick<RequestRow, 'round'>,
  decisions: readonly DecisionRow[],
  { requirement, evaluatedAt, allowedMs, startsBefore }: GateInputs,
): GateDecision {
  if (requirement === null) {
    const validUntil = new Date(evaluatedAt.getTime() + allowedMs).toISOString();
    return { decision: 'allowed', valid_until: cutAt(validUntil, startsBefore) };
  }
  const counted = decisions.filter(({ round, outcome }) => round === current && outcome === 'counted');
  const approvals = withoutTakenBack(counted)
    .filter(({ verdict }) => verdict === 'approve')
    .map(({ at, seats }) => ({ at: at.toISOString(), seats }));
  const validUntil = approvedUntil(requirement, approvals, evaluatedAt.toISOString());
  return { decision: 'approved', valid_until: cutAt(validUntil, startsBefore) };
}
