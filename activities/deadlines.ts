import { tallyFactsOf } from '../domain/seats.ts';
import { escalationSteps, type EscalationStep } from '../domain/escalation.ts';
import { KeyturnError } from '../domain/errors.ts';
import { isFinal, type RequestStatus } from '../domain/request.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import type { Dependencies } from './dependencies.ts';
import { placeOf } from './place.ts';
import { closeFailed } from './plan.ts';
import { recordStep, type StepTransaction } from './record.ts';
import { settleStanding, standingNow } from './standing.ts';
import type { LeafDraft, LeafType } from '../domain/audit.ts';
import type { JsonValue } from '../domain/canonical-json.ts';

/** A deadline that the workflow's timer reached. */
interface Deadline {
  readonly step: string;
  readonly at: string;
}

/**
 * Widens who may decide, by every escalation that is due, and says so once each. Whoever approved before their turn came
 * is counted now: that may be all that was missing.
 */
export async function escalate(
  dependencies: Dependencies,
  { step, at, since }: Deadline & { readonly since: string },
): Promise<{ readonly status: RequestStatus; readonly until: string }> {
  return recordStep(dependencies, placeOf(`escalate/${step}`, at), async (transaction) => {
    const { row, manager } = transaction;
    const active = await dependencies.policies.active(manager);
    const { directory } = await dependencies.directories.now(manager);
    const today = active && { policy: active.policy, directory };
    const request = today && (await standingNow(dependencies, manager, { row, today }));
    if (!active || !request || row.status !== 'pending') return { status: row.status, until: at };
    const due = escalationSteps(tallyFactsOf(request, at)).filter(
      (candidate) =>
        Date.parse(candidate.at) > Date.parse(since) && Date.parse(candidate.at) <= Date.parse(at),
    );
    await transaction.update({});
    for (const escalation of due)
      await transaction.append(leaf(transaction, 'request.escalated', facts(escalation)));
    await settleStanding(dependencies, transaction, active);
    return { status: row.status, until: at };
  });
}

function facts(step: EscalationStep): Record<string, JsonValue> {
  return { rule: step.rule, stage: step.stage, to: step.to, at: step.at };
}

/** Nobody answered in time: that is a denial, never an approval. */
export async function expire(
  dependencies: Dependencies,
  { step, at }: Deadline,
): Promise<{ readonly status: RequestStatus }> {
  return recordStep(dependencies, placeOf(`expire/${step}`, at), async (transaction) => {
    const { row } = transaction;
    if (row.status !== 'pending') return { status: row.status };
    // Also by our clock: the step is tried again until it is due.
    if (!row.expires_at || row.expires_at.getTime() > Date.now())
      throw new KeyturnError('unavailable', 'The request has not expired yet.');
    await transaction.update({ status: 'expired', open_selectors: [] });
    await transaction.append(leaf(transaction, 'request.expired', { round: row.round }));
    return { status: row.status };
  });
}

/** The target could not be reached for planning: the request ends, nothing happened. */
export async function abandonPlanning(
  dependencies: Dependencies,
  { at, step }: Deadline,
): Promise<{ readonly status: RequestStatus }> {
  return recordStep(dependencies, placeOf(`abandon/${step}`, at), async (transaction) => {
    if (isFinal(transaction.row.status)) return { status: transaction.row.status };
    await closeFailed(transaction, {
      code: 'target_unreachable',
      detail: 'The target could not be asked for a plan.',
    });
    return { status: transaction.row.status };
  });
}

function leaf(
  { row, place }: StepTransaction,
  type: LeafType,
  leafFacts: Readonly<Record<string, JsonValue>>,
): LeafDraft {
  return {
    type,
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: null,
    facts: leafFacts,
    evidence: null,
    parts: {},
  };
}
