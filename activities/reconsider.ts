import { requirementDigest } from '../domain/digest.ts';
import { combinedRequirement } from '../domain/evaluation.ts';
import type { RequestStatus } from '../domain/request.ts';
import { mayStillAsk } from '../domain/requester.ts';
import { denyByPolicy } from './deny.ts';
import type { Dependencies } from './dependencies.ts';
import { judge } from './evaluate.ts';
import { openSelectors } from './open-selectors.ts';
import { placeOf } from './place.ts';
import { recordStep, type StepTransaction } from './record.ts';
import { returnToReview } from './settle.ts';

/**
 * Looks again at a request that waits for people, after rules or people changed. Only tightening acts: what is now
 * forbidden is denied, what now needs more is asked anew; what would now need less stays as it was asked.
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
  const { row, manager } = transaction;
  const judged = await judge(dependencies, transaction, row.plan_digest ?? '');
  if (!mayStillAsk(judged.directory, row)) return denyByPolicy(transaction, 'requester_inactive', judged);
  if (judged.evaluation.effect === 'forbid') return denyByPolicy(transaction, 'forbidden', judged);
  const demanded = combinedRequirement(row.requirement, judged.evaluation);
  const isSame =
    demanded !== null &&
    row.requirement !== null &&
    requirementDigest(demanded) === requirementDigest(row.requirement);
  if (!isSame) {
    await returnToReview(transaction, 'requirement_changed');
    return;
  }
  // Owners and rotations may have changed with the policy: inboxes follow.
  await transaction.update({ open_selectors: await openSelectors(manager, row, judged.policy) });
}
