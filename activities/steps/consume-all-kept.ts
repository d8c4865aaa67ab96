import { requestsWithKept } from '../../database/kept-messages.ts';
import type { RequestRow } from '../../database/tables.ts';
import type { Dependencies } from '../dependencies.ts';
import { eachRequest } from './each-request.ts';
import { consumeKeptOrWait } from './kept-messages.ts';
import { recordStep } from '../record.ts';

const REQUESTS_MAX = 200;

/** Consumes what is kept for any request, for workflows that do not get to it. Answers those where it could. */
export async function consumeAllKept(
  dependencies: Dependencies,
  namespace: string,
): Promise<readonly Pick<RequestRow, 'id' | 'run_id'>[]> {
  const requests = await requestsWithKept(dependencies.source, REQUESTS_MAX);
  return eachRequest(dependencies, requests, async ({ id, run_id }) => {
    const at = new Date().toISOString();
    const reference = { request: id, run: run_id, namespace, step: `kept/${at}`, at };
    await recordStep(dependencies, reference, async (transaction) => {
      // A pass that nothing comes of leaves nothing behind.
      await consumeKeptOrWait(dependencies, transaction, ({ taken, left }) => taken === 0 && left > 0);
      return null;
    });
    return true;
  });
}
