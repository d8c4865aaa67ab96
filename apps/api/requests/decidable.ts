import { setImmediate as letOthersRun } from 'node:timers/promises';

import { decidableRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { checkDecision } from '../../../domain/approval/decision.ts';
import { SESSION_GRADE } from '../../../domain/request/requirement.ts';
import { isOwnRequest, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { directoriesOf } from './load.ts';
import { unlessUnreadable } from './unreadable.ts';
import { readWholeRows, type WholeRow } from './whole-rows.ts';

type Choosing = Pick<ApiContext, 'source' | 'directories' | 'policies' | 'log'>;

/** Rows that were chosen, and how many were looked at for them. */
export interface Chosen {
  readonly chosen: readonly RequestRow[];
  readonly lookedAt: number;
}

/** So many are checked at once. */
const BATCH = 100;

/** The first of the rows, `count` at most, that the caller may decide now, or that a break-glass request notifies them of. */
export async function decidableRows(
  context: Choosing,
  caller: Caller,
  { rows, count }: { readonly rows: readonly RequestRow[]; readonly count: number },
): Promise<Chosen> {
  const chosen: RequestRow[] = [];
  for (const [index, whole] of (await readWholeRows(context, caller, rows)).entries()) {
    // So that other calls do not wait for all of them.
    if (index % BATCH === 0) await letOthersRun();
    const { row } = whole;
    if (await unlessUnreadable(context, row.id, () => isShown(context, caller, whole))) chosen.push(row);
    if (chosen.length === count) return { chosen, lookedAt: rows.indexOf(whole.row) + 1 };
  }
  return { chosen, lookedAt: rows.length };
}

/** The index has everybody on the ladder of a break-glass request: all are notified at once, also before their turn. */
async function isShown(context: Choosing, caller: Caller, whole: WholeRow): Promise<boolean> {
  if (!whole.row.is_break_glass) return canDecide(context, caller, whole);
  if (isDeferred(whole, caller.person?.id)) return false;
  return !isOwnRequest(caller, whole.row.lineage, [caller.directory, whole.people.atCreation]);
}

const END_OF_TIME = '9999-12-31T00:00:00.000Z';

async function canDecide(context: Choosing, caller: Caller, whole: WholeRow): Promise<boolean> {
  const { row, decisions, people } = whole;
  const request = decidableRequest(row, decisions, caller.policy.policy);
  if (!request || row.decision_digest === null || isDeferred(whole, caller.person?.id)) return false;
  const attempt = {
    decision_digest: row.decision_digest,
    // Needs no grade of evidence, so people who may only deny see it; people who approved have nothing to defer.
    verdict: 'defer' as const,
    reviewer: caller.principal.identity,
    is_human: caller.principal.isHuman,
    grade: SESSION_GRADE,
    has_reason: true,
    defer: { until: END_OF_TIME, to: null },
    at: new Date().toISOString(),
  };
  const directories = await directoriesOf(context, caller, { row, ...people });
  return checkDecision({ request, attempt, directories }).ok;
}

/** Deferred by this person for now, or handed over to others. */
function isDeferred({ row, decisions }: WholeRow, person: string | undefined): boolean {
  const newest = decisions.findLast(
    (decision) =>
      decision.person === person && decision.round === row.round && decision.outcome === 'counted',
  );
  if (newest?.verdict !== 'defer') return false;
  return newest.defer_to !== null || (newest.defer_until?.getTime() ?? 0) > Date.now();
}
