import { KeyturnError } from '../../domain/errors.ts';
import type { RequestRow } from '../../database/tables.ts';
import type { StepTransaction } from '../step.ts';

/**
 * Planned and evaluated is what waits for it, and each attempt once: who can schedule activities must not plan for
 * rounds to come, nor at the target of a request that is decided on or executed.
 */
export function refuseOtherAttempt({ status, round }: RequestRow, attempt: number): void {
  if (status !== 'planning')
    throw new KeyturnError('illegal_move', `A request that is ${status} is not planned.`);
  if (attempt !== round + 1) throw new KeyturnError('illegal_move', 'This is not the attempt that is due.');
}

/** A plan of an earlier round, or of another request, is not what this round is about. */
export async function refuseOtherPlan(
  transaction: Pick<StepTransaction, 'resultOf'>,
  { plan_digest, attempt }: { readonly plan_digest: string; readonly attempt: number },
): Promise<void> {
  const planned = await transaction.resultOf(`plan/${attempt}`);
  if ((planned as { readonly plan_digest?: string } | undefined)?.plan_digest !== plan_digest)
    throw new KeyturnError('plan_failed', 'There is no such plan.');
}
