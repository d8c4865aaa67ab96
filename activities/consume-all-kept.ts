import { requestsWithKept } from '../database/kept-messages.ts';
import type { Dependencies } from './dependencies.ts';
import { consumeKept } from './kept-messages.ts';
import { recordStep } from './record.ts';

const REQUESTS_MAX = 200;

/** A request with the run of its workflow. */
export interface RequestRun {
  readonly id: string;
  readonly run_id: string;
}

/** Consumes what is kept for any request, for workflows that do not get to it. Answers the requests. */
export async function consumeAllKept(
  dependencies: Dependencies,
  namespace: string,
): Promise<readonly RequestRun[]> {
  const requests = await requestsWithKept(dependencies.source, REQUESTS_MAX);
  for (const { id, run_id } of requests) {
    const at = new Date().toISOString();
    await recordStep(
      dependencies,
      { request: id, run: run_id, namespace, step: `kept/${at}`, at },
      async (transaction) => {
        await consumeKept(dependencies, transaction);
        return null;
      },
    );
  }
  return requests;
}
