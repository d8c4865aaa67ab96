import { setImmediate as letOthersRun } from 'node:timers/promises';

import type { z } from 'zod';

import { decidableRequest } from '../../../database/readers.ts';
import { listOpen, type InboxOwner } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { checkDecision } from '../../../domain/approval/decision.ts';
import { isSelected } from '../../../domain/approval/seats.ts';
import { membersOf } from '../../../domain/identity/directory.ts';
import { GRADE_GIVEN } from '../../../domain/request/requirement.ts';
import type { inboxQuerySchema, RequestPage } from '../../../contract/requests.ts';
import { isOwnRequest, reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { summaries } from './list.ts';
import { directoriesOf } from './load.ts';
import { pageFor, type PageCall, type PageSource } from './page.ts';
import { readWholeRows, type WholeRow } from './whole-rows.ts';
import { scopeNow } from './visibility.ts';
import { unlessUnreadable } from './unreadable.ts';
import type { Showing } from './view.ts';

const BATCH = 100;

/** Pending requests that the caller may decide now, and break-glass requests with the caller on the ladder, newest first. */
export async function inboxPage(
  context: Showing & Pick<ApiContext, 'limits'>,
  caller: Caller,
  { query, signal }: PageCall<z.output<typeof inboxQuerySchema>>,
): Promise<RequestPage> {
  const person = reviewerOf(caller);
  const owner: InboxOwner = {
    selectors: await selectorsOf(context, caller, person.id),
    accounts: [...person.accounts, ...caller.directory.agents.filter(({ owner: id }) => id === person.id)],
  };
  const source: PageSource = {
    read: (page) => listOpen(context.source.manager, owner, page),
    show: async (rows, count) => {
      const { chosen, lookedAt } = await chosenOf(context, caller, { rows, count });
      return { items: await summaries(context, caller, chosen), lookedAt };
    },
  };
  return pageFor(context, caller, { source, query, signal, batch: BATCH });
}

/** Every selector that holds the person now. */
async function selectorsOf(
  context: Pick<ApiContext, 'source'>,
  caller: Caller,
  person: string,
): Promise<readonly string[]> {
  const {
    directory,
    policy: { policy },
  } = caller;
  const groups = directory.groups.filter((group) => membersOf(directory, group.id).has(person));
  const at = new Date();
  const scope = await scopeNow(context, caller, { owners: [], at, duty_at: at.toISOString() });
  const { rotations, polled_rotations: kept = [] } = policy;
  const onCall = [...rotations, ...kept].map(({ id }) => `oncall:${id}` as const);
  return [
    `user:${person}`,
    ...groups.map((group) => `group:${group.id}`),
    ...onCall.filter((selector) => isSelected(scope, selector, person)),
  ];
}

type Choosing = Pick<ApiContext, 'source' | 'directories' | 'policies' | 'log'>;

/** The index of open selectors has too many requests: each is checked again. */
async function chosenOf(
  context: Choosing,
  caller: Caller,
  { rows, count }: { readonly rows: readonly RequestRow[]; readonly count: number },
): Promise<{ readonly chosen: readonly RequestRow[]; readonly lookedAt: number }> {
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
    grade: GRADE_GIVEN,
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
