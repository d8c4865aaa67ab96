import { KeyturnError } from '../../domain/errors.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import { closeExpired } from '../close-request.ts';
import type { Dependencies } from '../dependencies.ts';
import { stepReference } from '../caller.ts';
import { recordStep } from '../record.ts';
import { consumeKeptOrWait } from './kept-messages.ts';

/** Nobody answered in time: that is a denial, never an approval. */
export async function expire(
  dependencies: Dependencies,
  { step, at }: { readonly step: string; readonly at: string },
): Promise<{ readonly status: RequestStatus }> {
  return recordStep(dependencies, stepReference(`expire/${step}`, at), async (transaction) => {
    // An approval that was acknowledged is not voided because a key is late.
    await consumeKeptOrWait(
      dependencies,
      transaction,
      ({ left }) => left > 0 && transaction.row.status === 'pending',
    );
    const { row } = transaction;
    if (row.status !== 'pending') return { status: row.status };
    // By the database's clock: the step is tried again until it is due.
    if (!row.expires_at || row.expires_at > transaction.now)
      throw new KeyturnError('unavailable', 'The request has not expired yet.');
    await closeExpired(transaction, 'expire');
    return { status: row.status };
  });
}
