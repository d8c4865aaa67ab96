import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import { requirementDigest } from '../../domain/request/digests.ts';
import { combinedRequirement } from '../../domain/policy/combined-requirement.ts';
import type { CountedDecision } from '../../domain/approval/quorum.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import { mayStillAsk } from '../../domain/execution/requester.ts';
import type { RequestRow } from '../../database/tables.ts';
import { denyByPolicy, refuseExecution, returnToReview } from '../close-request.ts';
import type { Dependencies } from '../dependencies.ts';
import { evaluatePlan, keepEvaluation, type EvaluatedPlan } from './evaluate-plan.ts';
import { shortageOf } from './shortage.ts';
import { consumeKept } from './kept-messages.ts';
import { stepReference } from '../caller.ts';
import { recordStep } from '../record.ts';
import type { StepTransaction } from '../step.ts';
import { settleStanding } from './standing.ts';

/**
 * Looks again at a request that waits for people, after rules or people changed. Only tightening acts: what is now
 * forbidden is denied, what now needs more is asked anew; what would now need less stays as it was asked. What was
 * acknowledged before goes first. Anybody who can write to the namespace can ask for it without end, so a look that
 * nothing comes of leaves nothing behind.
 */
export async function reconsider(
  dependencies: Dependencies,
  { step, at }: { readonly step: string; readonly at: string },
): Promise<Reconsidered> {
  return recordStep(dependencies, stepReference(`reconsider/${step}`, at), async (transaction) => {
    await consumeKept(dependencies, transaction);
    const counted = transaction.row.status === 'pending' ? await tighten(dependencies, transaction) : null;
    return { status: transaction.row.status, ...(counted === null ? {} : { counted }) };
  });
}

/** What came of a look. */
export interface Reconsidered {
  readonly status: RequestStatus;
  /** All decisions of the round with what they are worth now; absent where the round is over. */
  readonly counted?: readonly CountedDecision[];
}

async function tighten(
  dependencies: Dependencies,
  transaction: StepTransaction,
): Promise<readonly CountedDecision[] | null> {
  const { row } = transaction;
  const evaluated = await evaluatePlan(dependencies, transaction, row.plan_digest ?? '');
  if (!evaluated) {
    await refuseExecution(transaction, 'target_removed');
    return null;
  }
  const mayAsk = mayStillAsk(evaluated.directories, row);
  if (mayAsk && evaluated.evaluation.effect !== 'forbid' && isRequiredAlready(row, evaluated)) {
    return followPeople(dependencies, transaction, evaluated);
  }
  keepEvaluation(transaction, evaluated);
  if (!mayAsk) await denyByPolicy(transaction, 'requester_inactive', evaluated);
  else if (evaluated.evaluation.effect === 'forbid') await denyByPolicy(transaction, 'forbidden', evaluated);
  else await returnToReview(transaction, 'requirement_changed');
  return null;
}

/** True when all that is required now was required before. */
function isRequiredAlready({ requirement }: RequestRow, { evaluation }: EvaluatedPlan): boolean {
  const required = combinedRequirement(requirement, evaluation);
  return (
    required !== null &&
    requirement !== null &&
    requirementDigest(required) === requirementDigest(requirement)
  );
}

/** Owners, rotations, groups and people may have changed: what is missing and whom it asks follow. */
async function followPeople(
  dependencies: Dependencies,
  transaction: StepTransaction,
  evaluated: EvaluatedPlan,
): Promise<readonly CountedDecision[]> {
  const { row } = transaction;
  const { requirement } = row;
  const shortage = requirement && (await shortageOf(dependencies, transaction, { evaluated, requirement }));
  if (canonicalJson(shortage) !== canonicalJson(row.shortage)) await transaction.update({ shortage });
  return (await settleStanding(dependencies, transaction, evaluated.active)) ?? [];
}
