import { temporal } from '@temporalio/proto';

import type { Leaf, LeafType } from '../../domain/audit/leaf.ts';
import type { DecisionRow, ExecutionRow } from '../../database/tables.ts';
import type { Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';

/** The audit entries of a request, in order. */
export async function leavesOf({ keyturnDb }: Stack, id: string): Promise<Leaf[]> {
  const { rows } = await keyturnDb.query<{ leaf: string }>(
    'select leaf from audit.entry where request = $1 order by id',
    [id],
  );
  return rows.map((row) => JSON.parse(row.leaf) as Leaf);
}

/** The kinds of audit entries of a request, in order. */
export async function courseOf(stack: Stack, id: string): Promise<LeafType[]> {
  return (await leavesOf(stack, id)).map((leaf) => leaf.type);
}

/** The result of each decision: the person (or account) with `counted` or the code of the refusal. */
export async function verdictsOf(stack: Stack, id: string): Promise<string[]> {
  return (await decisionsOf(stack, id)).map(
    (row) => `${row.reviewer_subject}: ${row.outcome === 'counted' ? row.verdict : row.refusal}`,
  );
}

/** The decisions of a request in the order of their audit entries. */
export async function decisionsOf({ keyturnDb }: Stack, id: string): Promise<DecisionRow[]> {
  const { rows } = await keyturnDb.query<DecisionRow>(
    `select decision.* from keyturn.decision
       left join audit.entry on entry.request = decision.request
         and entry.leaf::jsonb -> 'facts' ->> 'decision' = decision.id
     where decision.request = $1 order by entry.id`,
    [id],
  );
  return rows;
}

export async function executionsOf({ keyturnDb }: Stack, id: string): Promise<ExecutionRow[]> {
  const { rows } = await keyturnDb.query<ExecutionRow>(
    'select * from keyturn.execution where request = $1 order by attempt',
    [id],
  );
  return rows;
}

/** Waits until the audit log holds so many entries of a kind for the request. Answers them. */
export async function waitForLeaves(
  stack: Stack,
  id: string,
  wanted: { readonly type: LeafType; readonly count?: number; readonly withinMs?: number },
): Promise<Leaf[]> {
  const { type, count = 1, withinMs = 30_000 } = wanted;
  return waitFor({
    what: `${count} times ${type} for ${id}`,
    withinMs,
    check: async () => {
      const found = (await leavesOf(stack, id)).filter((leaf) => leaf.type === type);
      return found.length >= count ? found : undefined;
    },
    explain: async () => `so far ${(await courseOf(stack, id)).join(', ')}`,
  });
}

/** Waits until so many decisions are recorded, counted or refused. Answers the result of each. */
export async function waitForVerdicts(stack: Stack, id: string, count: number): Promise<string[]> {
  return waitFor({
    what: `${count} recorded decisions of ${id}`,
    check: async () => {
      const found = await verdictsOf(stack, id);
      return found.length >= count ? found : undefined;
    },
    explain: async () => `recorded are ${(await verdictsOf(stack, id)).join(', ')}`,
  });
}

/**
 * Waits until no worker is busy with the workflow. A worker that is stopped drops the task that is on its way to it, and the
 * server waits ten seconds before it gives that task to another.
 */
export async function waitUntilIdle({ temporal: client }: Stack, id: string): Promise<void> {
  await waitFor({
    what: `no worker to be busy with ${id}`,
    check: async () => {
      const { raw } = await client.workflow.getHandle(id).describe();
      const isActing = raw.pendingActivities?.some(({ state }) => state === STARTED);
      return raw.pendingWorkflowTask || isActing ? undefined : true;
    },
  });
}

const STARTED = temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
