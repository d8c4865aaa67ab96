import type { RequestRow } from '../database/tables.ts';
import { isFinal } from '../domain/request.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import type { Dependencies } from './dependencies.ts';
import { caller } from './place.ts';
import { ownRow } from './plan.ts';
import { recordStep, type StepPlace, type StepTransaction } from './record.ts';
import { openClaim, resolveClaim } from './resolve-claim.ts';

/** What a sweep found and closed. */
export interface Swept {
  readonly checked: number;
  readonly orphaned: readonly string[];
}

/** A request that is not over, with the run that is to finish it. */
type Candidate = Pick<RequestRow, 'id' | 'run_id'>;

const ROWS_MAX = 500;

/**
 * Compares unfinished requests with their workflows. A request whose workflow is gone (terminated, reset, lost) is
 * closed without approval and reported; one that was being performed is probed first.
 */
export async function sweep(
  dependencies: Dependencies,
  input: { readonly quiet_ms: number },
): Promise<Swept> {
  const { namespace } = caller();
  const rows = await unfinished(dependencies, input.quiet_ms);
  const orphaned: string[] = [];
  for (const row of rows) {
    if (await dependencies.history.isOpen({ workflowId: row.id, runId: row.run_id })) continue;
    if (await closeOrphan(dependencies, { request: row.id, run: row.run_id, namespace }))
      orphaned.push(row.id);
  }
  if (orphaned.length > 0) dependencies.log.error({ orphaned }, 'requests whose workflow is gone');
  return { checked: rows.length, orphaned };
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
    if (isFinal(locked.status) || (await isClaimed(transaction))) return false;
    const status = locked.status === 'executing' ? 'failed' : 'cancelled';
    const failure = {
      code: 'workflow_lost',
      detail: 'The workflow of this request ended without finishing it.',
    };
    await transaction.update({ status, failure, open_selectors: [] });
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

async function isClaimed({ manager, row }: StepTransaction): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `select 1 from keyturn.execution where request = $1 and state = 'claimed'`,
    [row.id],
  );
  return rows.length > 0;
}
