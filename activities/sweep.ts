import type { RequestRow } from '../database/tables.ts';
import { requestTable } from '../database/tables.ts';
import { isFinal } from '../domain/request.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import type { Dependencies } from './dependencies.ts';
import { recordStep, type StepPlace } from './record.ts';
import { openClaim, resolveClaim } from './resolve-claim.ts';

/** What a sweep found and closed. */
export interface Swept {
  readonly checked: number;
  readonly orphaned: readonly string[];
}

const ROWS_MAX = 500;

/**
 * Compares unfinished requests with their workflows. A request whose workflow is gone (terminated, reset, lost) is
 * closed without approval and reported; one that was being performed is probed first.
 */
export async function sweep(
  dependencies: Dependencies,
  input: { readonly quiet_ms: number; readonly namespace: string },
): Promise<Swept> {
  const rows = await unfinished(dependencies, input.quiet_ms);
  const orphaned: string[] = [];
  for (const row of rows) {
    if (await dependencies.history.isOpen({ workflowId: row.id, runId: row.run_id })) continue;
    if (await closeOrphan(dependencies, row, input.namespace)) orphaned.push(row.id);
  }
  if (orphaned.length > 0) dependencies.log.error({ orphaned }, 'requests whose workflow is gone');
  return { checked: rows.length, orphaned };
}

async function unfinished({ source }: Dependencies, quietMs: number): Promise<RequestRow[]> {
  return source
    .getRepository(requestTable)
    .createQueryBuilder('request')
    .where(`request.status in ('planning', 'pending', 'approved', 'executing', 'active')`)
    .andWhere('request.updated_at < :before', { before: new Date(Date.now() - quietMs) })
    .orderBy('request.updated_at')
    .limit(ROWS_MAX)
    .getMany();
}

async function closeOrphan(dependencies: Dependencies, row: RequestRow, namespace: string): Promise<boolean> {
  const at = new Date().toISOString();
  const place: StepPlace = { request: row.id, run: row.run_id, namespace, step: 'orphan', at };
  const claimed = await openClaim(dependencies, row.id);
  if (claimed) await resolveClaim({ dependencies, place, isLastProbe: true }, row, claimed);
  return recordStep(dependencies, { ...place, step: 'orphan/close' }, async (transaction) => {
    const { row: locked } = transaction;
    if (isFinal(locked.status)) return false;
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
