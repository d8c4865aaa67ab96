import { requirementDigest } from '../domain/digest.ts';
import { combinedRequirement } from '../domain/evaluation.ts';
import type { RequestStatus } from '../domain/request.ts';
import { mayStillAsk } from '../domain/requester.ts';
import type { RequestRow } from '../database/tables.ts';
import { denyByPolicy } from './deny.ts';
import type { Dependencies } from './dependencies.ts';
import { judge, keepJudgement, type Judged } from './evaluate.ts';
import { openSelectors } from './open-selectors.ts';
import { placeOf } from './place.ts';
import { recordStep, type StepTransaction } from './record.ts';
import { refuseExecution, returnToReview } from './settle.ts';

/**
 * Looks again at a request that waits for people, after rules or people changed. Only tightening acts: what is now
 * forbidden is denied, what now needs more is asked anew; what would now need less stays as it was asked. Anybody who can
 * write to the namespace can ask for it without end, so a look that nothing comes of leaves nothing behind.
 */
export async function reconsider(
  dependencies: Dependencies,
  { step, at }: { readonly step: string; readonly at: string },
): Promise<{ readonly status: RequestStatus }> {
  return recordStep(dependencies, placeOf(`reconsider/${step}`, at), async (transaction) => {
    if (transaction.row.status === 'pending') await tighten(dependencies, transaction);
    return { status: transaction.row.status };
  });
}

async function tighten(dependencies: Dependencies, transaction: StepTransaction): Promise<void> {
  const { row } = transaction;
  const judged = await judge(dependencies, transaction, row.plan_digest ?? '');
  if (!judged) {
    await refuseExecution(transaction, 'policy_invalid');
    return;
  }
  const mayAsk = mayStillAsk(judged.directories, row);
  if (mayAsk && judged.evaluation.effect !== 'forbid' && isAskedAlready(row, judged)) {
    await followSelectors(transaction, judged);
    return;
  }
  await keepJudgement(transaction, judged);
  if (!mayAsk) return denyByPolicy(transaction, 'requester_inactive', judged);
  if (judged.evaluation.effect === 'forbid') return denyByPolicy(transaction, 'forbidden', judged);
  await returnToReview(transaction, 'requirement_changed');
}

/** True when all that is demanded now is demanded already. */
function isAskedAlready({ requirement }: RequestRow, { evaluation }: Judged): boolean {
  const demanded = combinedRequirement(requirement, evaluation);
  return (
    demanded !== null &&
    requirement !== null &&
    requirementDigest(demanded) === requirementDigest(requirement)
  );
}

/** Owners and rotations may have changed with the policy: inboxes follow. */
async function followSelectors(transaction: StepTransaction, { policy }: Judged): Promise<void> {
  const { row } = transaction;
  const selectors = await openSelectors(transaction, policy);
  if (selectors.join(' ') !== row.open_selectors.join(' '))
    await transaction.update({ open_selectors: selectors });
}
