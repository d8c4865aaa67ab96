import type { RequestRow } from '../database/tables.ts';
import { keptWithoutRequest } from '../database/kept-messages.ts';
import { isKeyturnError } from '../domain/errors.ts';
import { isFinal, REQUEST_STATUSES } from '../domain/request.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import type { Dependencies } from './dependencies.ts';
import { eachRequest } from './each-request.ts';
import { expireOverdue, hiddenClaims } from './overdue.ts';
import { caller } from './place.ts';
import { ownRow } from './plan.ts';
import { isClaimed, recordStep, type StepPlace } from './record.ts';
import { openClaim, resolveClaim } from './resolve-claim.ts';

/** What a sweep found and closed, or could only report. */
export interface Swept {
  readonly checked: number;
  /** Without a workflow: closed without approval. */
  readonly orphaned: readonly string[];
  /** Past their expiry, or never planned: closed as expired. */
  readonly overdue: readonly string[];
  /** Not being executed, and with a claim that is open all the same: somebody has written around the steps. */
  readonly hidden: readonly string[];
}

/** A request that is not over, with the run that is to finish it. */
type Candidate = Pick<RequestRow, 'id' | 'run_id'>;

const ROWS_MAX = 500;

/** Questions that Temporal itself left without an answer, after which it is taken to be away. */
const UNANSWERED_MAX = 3;

/** What is not over may be closed, but for a request whose claim is open. */
const UNFINISHED = REQUEST_STATUSES.filter((status) => !isFinal(status));

/** A sweep that somebody starts by hand, as a workflow. */
export async function sweep(
  dependencies: Dependencies,
  input: { readonly quiet_ms: number },
): Promise<Swept> {
  return sweepOnce(dependencies, { namespace: caller().namespace, quietMs: input.quiet_ms });
}

/**
 * Compares unfinished requests with their workflows and their deadlines. A request whose workflow is gone (terminated,
 * reset, lost) is closed without approval and reported; one that was being performed is probed first. One whose workflow
 * does not get on is closed when it is overdue. What takes no workflow service goes first.
 */
export async function sweepOnce(
  dependencies: Dependencies,
  { namespace, quietMs }: { readonly namespace: string; readonly quietMs: number },
): Promise<Swept> {
  const { log } = dependencies;
  const hidden = await hiddenClaims(dependencies);
  if (hidden.length > 0)
    log.error({ hidden }, 'requests that are not being executed though a claim on them is open');
  await reportKeptForNobody(dependencies);
  const overdue = await expireOverdue(dependencies, namespace);
  if (overdue.length > 0) log.error({ overdue }, 'overdue requests whose workflow does not get on');
  const rows = await unfinished(dependencies, quietMs);
  const gone = await withoutWorkflow(dependencies, rows);
  const closed = await eachRequest(dependencies, gone, async ({ id, run_id }) =>
    closeOrphan(dependencies, { request: id, run: run_id, namespace }),
  );
  const orphaned = closed.map(({ id }) => id);
  if (orphaned.length > 0) log.error({ orphaned }, 'requests whose workflow is gone');
  return { checked: rows.length, orphaned, overdue, hidden };
}

/**
 * Those whose run has ended. Where one cannot be asked about, others may be; while Temporal is away none can, and a later
 * sweep asks.
 */
async function withoutWorkflow(
  dependencies: Dependencies,
  rows: readonly Candidate[],
): Promise<readonly Candidate[]> {
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

/** What was acknowledged for a request that nobody received in time, so that no step will ever consume it. */
async function reportKeptForNobody({ source, log }: Dependencies): Promise<void> {
  const unreceived = await keptWithoutRequest(source, ROWS_MAX);
  if (unreceived.length > 0)
    log.error({ unreceived }, 'requests that were never received though messages for them are kept');
}

/**
 * First those that should have moved on by now, then a random choice: always the same oldest ones would hide an orphan
 * behind many that wait for people, and walking through all of them every time would cost too much.
 */
async function unfinished({ source }: Dependencies, quietMs: number): Promise<readonly Candidate[]> {
  return source.query(
    `select id, run_id from keyturn.request
     where status in ('planning', 'pending', 'approved', 'executing', 'active') and updated_at < $1
     order by status = 'pending' and expires_at > now(), random() limit $2`,
    [new Date(Date.now() - quietMs), ROWS_MAX],
  );
}

async function closeOrphan(
  dependencies: Dependencies,
  stream: Pick<StepPlace, 'request' | 'run' | 'namespace'>,
): Promise<boolean> {
  const at = new Date().toISOString();
  const place: StepPlace = { ...stream, step: 'orphan', at };
  const claimed = await openClaim(dependencies, place.request);
  if (claimed) {
    const row = await ownRow(dependencies, place);
    await resolveClaim({ dependencies, place, isLastProbe: true }, row, claimed);
  }
  // Each sweep looks anew: what it may not close now, a later one may.
  return recordStep(dependencies, { ...place, step: `orphan/close/${at}` }, async (transaction) => {
    const { row: locked } = transaction;
    // An execution may outlive its workflow: while it holds a claim, the next sweep asks the target first.
    if (isFinal(locked.status) || (await isClaimed(transaction.manager, locked.id))) return false;
    const status = locked.status === 'executing' ? 'failed' : 'cancelled';
    const failure = {
      code: 'workflow_lost',
      detail: 'The workflow of this request ended without finishing it.',
    };
    await transaction.move({ status, failure, open_selectors: [] }, UNFINISHED);
    await transaction.append({
      type: 'request.orphaned',
      at,
      actor: SYSTEM_ACTOR,
      intent_digest: locked.intent_digest,
      decision_digest: locked.decision_digest,
      policy_digest: null,
      facts: { status, round: locked.round },
      evidence: null,
      parts: {},
    });
    return true;
  });
}
