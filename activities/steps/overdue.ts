import { isOverdue, overdueRequests } from '../../database/stalled-requests.ts';
import { closeExpired, closeLost } from '../close-request.ts';
import type { Dependencies } from '../dependencies.ts';
import { eachRequest } from './each-request.ts';
import { consumeKeptOrWait } from './kept-messages.ts';
import { recordStep } from '../record.ts';
import type { StepTransaction } from '../step.ts';

/** Silence never approves, also where a workflow is stuck: what is overdue is closed. Answers the requests. */
export async function expireOverdue(
  dependencies: Dependencies,
  namespace: string,
): Promise<readonly string[]> {
  const overdue = await overdueRequests(dependencies.source.manager);
  const expired = await eachRequest(dependencies, overdue, async ({ id, run_id }) => {
    const at = new Date().toISOString();
    const reference = { request: id, run: run_id, namespace, step: `overdue/${at}`, at };
    return recordStep(dependencies, reference, async (transaction) => {
      const { status } = transaction.row;
      await consumeKeptOrWait(
        dependencies,
        transaction,
        ({ left }) => left > 0 && transaction.row.status === 'pending',
      );
      // What was kept may have moved it: then a later sweep looks at what it is now.
      if (transaction.row.status !== status || !(await isOverdue(transaction.manager, id))) return false;
      await closeOverdue(transaction);
      return true;
    });
  });
  return expired.map(({ id }) => id);
}

/** Without a claim nothing has happened: what was not executed has expired, and an execution has failed. */
async function closeOverdue(transaction: StepTransaction): Promise<void> {
  if (transaction.row.status === 'executing') await closeLost(transaction, 'did not go on with it');
  else await closeExpired(transaction, 'expire_overdue', { facts: { found_by: 'sweep' } });
}
