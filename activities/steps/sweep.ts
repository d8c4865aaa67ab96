import { hiddenClaims, isClaimed } from '../../database/executions.ts';
import { quietRequests, wedgedRequests, type Unfinished } from '../../database/stalled-requests.ts';
import { storeSweep } from '../../database/sweeps.ts';
import { keptWithoutRequest } from '../../database/kept-messages.ts';
import { isKeyturnError } from '../../domain/errors.ts';
import { isFinal } from '../../domain/request/status.ts';
import { closeLost } from '../close-request.ts';
import type { Dependencies } from '../dependencies.ts';
import { PROBING_MS, eachRequest } from './each-request.ts';
import { resolveOpenClaim, settleOldClaims } from './old-claims.ts';
import { expireOverdue } from './overdue.ts';
import { recordStep } from '../record.ts';
import type { StepReference } from '../step.ts';

/** What a sweep found and closed, or could only report. */
export interface Swept {
  readonly checked: number;
  /** Without a workflow: closed without approval. */
  readonly orphaned: readonly string[];
  /** Past their expiry or the age of their approvals, or standing still for too long: closed. */
  readonly overdue: readonly string[];
  /** Approved or executing, held by nothing, and not moving: reported. */
  readonly wedged: readonly string[];
  /** Their claim was open for longer than any run is at it: the target was asked what came of it. */
  readonly settled: readonly string[];
  /** Not being executed, and with a claim that is open all the same: somebody has written around the steps. */
  readonly hidden: readonly string[];
  /** Something was acknowledged for them, and no step will ever consume it: nobody received them in time. */
  readonly unreceived: readonly string[];
}

const ROWS_MAX = 500;

/** Questions that Temporal itself left without an answer, after which it is taken to be away. */
const UNANSWERED_MAX = 3;

/**
 * Compares unfinished requests with their workflows and their deadlines. A request whose workflow is gone (terminated,
 * reset, lost) is closed without approval and reported; one that was executing is probed first. One whose workflow
 * does not get on is closed when it is overdue, and its open claim looked after. What takes no workflow service and no
 * target goes first.
 */
export async function sweepOnce(
  dependencies: Dependencies,
  { namespace, quietMs }: { readonly namespace: string; readonly quietMs: number },
): Promise<Swept> {
  const { manager } = dependencies.source;
  const hidden = await hiddenClaims(manager, ROWS_MAX);
  const overdue = await expireOverdue(dependencies, namespace);
  const wedged = await wedgedRequests(manager);
  const rows = await quietRequests(manager, quietMs);
  const gone = await withoutWorkflow(dependencies, rows);
  const closed = await eachRequest({ ...dependencies, withinMs: PROBING_MS }, gone, async ({ id, run_id }) =>
    closeOrphan(dependencies, { request: id, run: run_id, namespace }, quietMs),
  );
  const settled = await settleOldClaims(dependencies, { namespace, everyMs: quietMs });
  const swept = {
    checked: rows.length,
    orphaned: closed.map(({ id }) => id),
    overdue,
    wedged,
    settled,
    hidden,
    unreceived: await keptWithoutRequest(dependencies.source, ROWS_MAX),
  };
  report(dependencies, swept);
  await storeSweep(manager, swept);
  return swept;
}

/** What each finding means to readers of the log. */
const MEANING = {
  hidden: 'requests that are not being executed though a claim on them is open',
  overdue: 'overdue requests whose workflow does not get on',
  wedged: 'approved or executing requests that do not move, and that nothing holds back',
  orphaned: 'requests whose workflow is gone',
  unreceived: 'requests that were never received though messages for them are kept',
  settled: 'requests whose execution was not looked after by their workflow',
} as const;

function report({ log }: Dependencies, swept: Swept): void {
  for (const what of Object.keys(MEANING) as (keyof typeof MEANING)[])
    if (swept[what].length > 0) log.error({ [what]: swept[what] }, MEANING[what]);
}

/**
 * Those whose run has ended. Where one cannot be asked about, others may be; while Temporal is away none can, and a later
 * sweep asks.
 */
async function withoutWorkflow(
  dependencies: Dependencies,
  rows: readonly Unfinished[],
): Promise<readonly Unfinished[]> {
  let unanswered = 0;
  let skipped = 0;
  const gone = await eachRequest(dependencies, rows, async ({ id, run_id }) => {
    if (unanswered >= UNANSWERED_MAX) {
      skipped += 1;
      return false;
    }
    try {
      return !(await dependencies.history.isOpen({ workflowId: id, runId: run_id }));
    } catch (error) {
      if (isKeyturnError(error) && error.code === 'unavailable') unanswered += 1;
      throw error;
    }
  });
  if (skipped > 0)
    dependencies.log.error({ skipped }, 'Temporal is away: requests whose workflow was not looked for');
  return gone;
}

async function closeOrphan(
  dependencies: Dependencies,
  stream: Pick<StepReference, 'request' | 'run' | 'namespace'>,
  everyMs: number,
): Promise<boolean> {
  const at = new Date().toISOString();
  const reference: StepReference = { ...stream, step: 'orphan', at };
  await resolveOpenClaim(dependencies, reference, everyMs);
  // Each sweep looks anew: what it may not close now, a later one may.
  return recordStep(dependencies, { ...reference, step: `orphan/close/${at}` }, async (transaction) => {
    const { row: locked } = transaction;
    // An execution may outlive its workflow: while it holds a claim, the next sweep asks the target first.
    if (isFinal(locked.status) || (await isClaimed(transaction.manager, locked.id))) return false;
    await closeLost(transaction, 'ended without finishing it');
    return true;
  });
}
