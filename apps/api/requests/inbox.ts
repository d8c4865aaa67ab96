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
import { positionOf } from './cursor.ts';
import { summaries, type PageCall } from './list.ts';
import { directoriesOf } from './load.ts';
import { pageFor, type PageSource } from './page.ts';
import { readWholeRows, type WholeRow } from './whole-rows.ts';
import { scopeNow } from './visibility.ts';
import { unlessUnreadable } from './unreadable.ts';

const LIMIT_DEFAULT = 50;
const BATCH = 100;

/** Pending requests that the caller may decide now, and emergencies on whose ladder they are, newest first. */
export async function inboxPage(
  context: ApiContext,
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
  const limit = query.limit ?? LIMIT_DEFAULT;
  const wanted = { limit, after: positionOf(query.cursor), batch: BATCH, signal };
  return pageFor(context, caller, { source, ...wanted });
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
  const duties = [...rotations, ...kept].map(({ id }) => `oncall:${id}` as const);
  return [
    `user:${person}`,
    ...groups.map((group) => `group:${group.id}`),
    ...duties.filter((duty) => isSelected(scope, duty, person)),
  ];
}

type Choosing = Pick<ApiContext, 'source' | 'directories' | 'policies' | 'log'>;

interface Candidates {
  readonly rows: readonly RequestRow[];
  readonly count: number;
}

/** The index of open selectors is generous: each request is looked at again. */
async function chosenOf(
  context: Choosing,
  caller: Caller,
  { rows, count }: Candidates,
): Promise<{ readonly chosen: readonly RequestRow[]; readonly lookedAt: number }> {
  const chosen: RequestRow[] = [];
  for (const [index, candidate] of (await readWholeRows(context, caller, rows)).entries()) {
    // However many there are, answers to others do not wait for all of them.
    if (index % BATCH === 0) await letOthersRun();
    const { row } = candidate;
    if (await unlessUnreadable(context, row.id, () => isShown(context, caller, candidate))) chosen.push(row);
    if (chosen.length === count) return { chosen, lookedAt: rows.indexOf(candidate.row) + 1 };
  }
  return { chosen, lookedAt: rows.length };
}

/** The index has everybody on the ladder of an emergency: they are told at once, though it may not be their turn. */
async function isShown(context: Choosing, caller: Caller, candidate: WholeRow): Promise<boolean> {
  if (!candidate.row.is_break_glass) return canDecide(context, caller, candidate);
  if (isPutOff(candidate, caller.person?.id)) return false;
  return !isOwnRequest(caller, candidate.row.lineage, [caller.directory, candidate.people.atCreation]);
}

const END_OF_TIME = '9999-12-31T00:00:00.000Z';

async function canDecide(context: Choosing, caller: Caller, candidate: WholeRow): Promise<boolean> {
  const { row, decisions, people } = candidate;
  const request = decidableRequest(row, decisions, caller.policy.policy);
  if (!request || row.decision_digest === null || isPutOff(candidate, caller.person?.id)) return false;
  const attempt = {
    decision_digest: row.decision_digest,
    // It asks for no grade of evidence, so who may only deny here is still asked; and who approved has nothing to put off.
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

/** Put off by this person for now, or handed over to others. */
function isPutOff({ row, decisions }: WholeRow, person: string | undefined): boolean {
  const newest = decisions.findLast(
    (decision) =>
      decision.person === person && decision.round === row.round && decision.outcome === 'counted',
  );
  if (newest?.verdict !== 'defer') return false;
  return newest.defer_to !== null || (newest.defer_until?.getTime() ?? 0) > Date.now();
}
