import { noteUnanswered, oldClaims, openClaim } from '../../database/executions.ts';
import type { Dependencies } from '../dependencies.ts';
import { PROBING_MS, eachRequest } from './each-request.ts';
import { ownRow } from '../load-request.ts';
import type { StepReference } from '../step.ts';
import { resolveClaim } from './resolve-claim.ts';

/** No run of the execution is at it for so long: the server ends each after ten minutes. */
const OLD_MS = 15 * 60_000;

const CLAIMS_MAX = 20;

/**
 * Asks the targets what came of claims that are open for longer than any run is at them, whether their workflows are open
 * or not: somebody may keep a workflow from it. Answers the requests whose claim is settled now.
 */
export async function settleOldClaims(
  dependencies: Dependencies,
  { namespace, everyMs }: { readonly namespace: string; readonly everyMs: number },
): Promise<readonly string[]> {
  const old = await oldClaims(dependencies.source.manager, { oldMs: OLD_MS, limit: CLAIMS_MAX });
  const settled = await eachRequest(
    { ...dependencies, withinMs: PROBING_MS },
    old,
    async ({ id, run_id }) => {
      const at = new Date().toISOString();
      const reference = { request: id, run: run_id, namespace, step: `old-claim/${at}`, at };
      return resolveOpenClaim(dependencies, reference, everyMs);
    },
  );
  return settled.map(({ id }) => id);
}

/** Asks the target about the open claim of a request, as housekeeping does every `everyMs`. False where none is open. */
export async function resolveOpenClaim(
  dependencies: Dependencies,
  reference: StepReference,
  everyMs: number,
): Promise<boolean> {
  const { manager } = dependencies.source;
  const claim = await openClaim(manager, reference.request);
  if (claim === null) return false;
  const isLastProbe = async (): Promise<boolean> => noteUnanswered(manager, claim, everyMs);
  await resolveClaim({ dependencies, reference, isLastProbe }, await ownRow(dependencies, reference), claim);
  return true;
}
