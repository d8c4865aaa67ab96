import type { z } from 'zod';

import { readDuty } from '../../../database/duty.ts';
import { decidableRequest } from '../../../database/readers.ts';
import {
  listOpen,
  readDecisionsOfAll,
  type InboxOwner,
  type ListPosition,
} from '../../../database/request-list.ts';
import type { DecisionRow, RequestRow } from '../../../database/tables.ts';
import { checkDecision } from '../../../domain/decision.ts';
import { isSelected } from '../../../domain/seats.ts';
import { membersOf, type Directory } from '../../../domain/directory.ts';
import { polledScopes } from '../../../domain/on-call.ts';
import type { inboxQuerySchema, RequestPage } from '../../../domain/wire.ts';
import { isOwnRequest, reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { SESSION_GRADE } from '../decisions/judge.ts';
import { cursorAfter, positionOf } from './cursor.ts';
import { summaries } from './list.ts';
import { directoriesSince } from './load.ts';

const LIMIT_DEFAULT = 50;
const BATCH = 100;
const BATCHES_MAX = 10;

/** Pending requests that the caller may decide now, and emergencies on whose ladder they are, newest first. */
export async function inboxPage(
  context: ApiContext,
  caller: Caller,
  query: z.output<typeof inboxQuerySchema>,
): Promise<RequestPage> {
  const person = reviewerOf(caller);
  const found = await collect(context, caller, {
    owner: {
      selectors: await selectorsOf(context, caller, person.id),
      accounts: [...person.accounts, ...caller.directory.agents.filter(({ owner }) => owner === person.id)],
    },
    limit: query.limit ?? LIMIT_DEFAULT,
    after: positionOf(query.cursor),
  });
  return { items: await summaries(context, caller, found.rows), next_cursor: found.next };
}

/** Every selector that holds the person now. */
async function selectorsOf(
  context: ApiContext,
  { directory, policy: { policy } }: Caller,
  person: string,
): Promise<readonly string[]> {
  const groups = directory.groups.filter((group) => membersOf(directory, group.id).has(person));
  const now = new Date();
  const { polled } = await readDuty(context.source.manager, {
    now: policy,
    creation: policy,
    createdAt: now,
  });
  const at = now.toISOString();
  const { rotations, polled_rotations: kept = [] } = policy;
  const scope = { directory, owners: [], rotations, ...polledScopes(polled, at).now, duty_at: at };
  const duties = [...rotations, ...kept].map(({ id }) => `oncall:${id}` as const);
  return [
    `user:${person}`,
    ...groups.map((group) => `group:${group.id}`),
    ...duties.filter((duty) => isSelected(scope, duty, person)),
  ];
}

interface Search {
  readonly owner: InboxOwner;
  readonly limit: number;
  readonly after: ListPosition | null;
}

/** The index of open selectors is generous: each request is looked at again. */
async function collect(
  context: ApiContext,
  caller: Caller,
  search: Search,
): Promise<{ readonly rows: readonly RequestRow[]; readonly next: string | null }> {
  const rows: RequestRow[] = [];
  let after = search.after;
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const candidates = await listOpen(context.source.manager, search.owner, { after, limit: BATCH });
    for (const candidate of await candidatesOf(context, candidates)) {
      const { row } = candidate;
      if (await isShown(context, caller, candidate)) rows.push(row);
      if (rows.length === search.limit) return { rows, next: cursorAfter(row) };
    }
    const last = candidates.at(-1);
    if (candidates.length < BATCH || !last) return { rows, next: null };
    after = positionOf(cursorAfter(last));
  }
  return { rows, next: after && Buffer.from(`${after.createdAt} ${after.id}`).toString('base64url') };
}

interface Candidate {
  readonly row: RequestRow;
  readonly decisions: readonly DecisionRow[];
  readonly atCreation: Directory;
}

/** What is needed to look at each of the rows, by as many questions as for one. */
async function candidatesOf(
  { source, directories }: ApiContext,
  rows: readonly RequestRow[],
): Promise<readonly Candidate[]> {
  const decisions = await readDecisionsOfAll(
    source.manager,
    rows.map(({ id }) => id),
  );
  const atCreation = await directories.atEach(
    source.manager,
    rows.map((row) => row.created_at),
  );
  return rows.flatMap((row, index) => {
    const directory = atCreation[index];
    return directory ? [{ row, decisions: decisions.get(row.id) ?? [], atCreation: directory }] : [];
  });
}

/** The index has everybody on the ladder of an emergency: they are told at once, though it may not be their turn. */
async function isShown(context: ApiContext, caller: Caller, candidate: Candidate): Promise<boolean> {
  if (!candidate.row.is_break_glass) return canDecide(context, caller, candidate);
  if (isPutOff(candidate, caller.person?.id)) return false;
  return !isOwnRequest(caller, candidate.row.lineage, [caller.directory, candidate.atCreation]);
}

async function canDecide(context: ApiContext, caller: Caller, candidate: Candidate): Promise<boolean> {
  const { row, decisions } = candidate;
  const request = decidableRequest(row, decisions, caller.policy.policy);
  if (!request || row.decision_digest === null || isPutOff(candidate, caller.person?.id)) return false;
  const attempt = {
    decision_digest: row.decision_digest,
    // A denial asks for no grade of evidence: who may only deny here is still asked.
    verdict: 'deny' as const,
    reviewer: caller.principal.identity,
    is_human: caller.principal.isHuman,
    grade: SESSION_GRADE,
    has_reason: true,
    defer: null,
    at: new Date().toISOString(),
  };
  return checkDecision({ request, attempt, directories: await directoriesSince(context, caller, candidate) })
    .ok;
}

/** Put off by this person for now, or handed over to others. */
function isPutOff({ row, decisions }: Candidate, person: string | undefined): boolean {
  const newest = decisions.findLast(
    (decision) =>
      decision.person === person && decision.round === row.round && decision.outcome === 'counted',
  );
  if (newest?.verdict !== 'defer') return false;
  return newest.defer_to !== null || (newest.defer_until?.getTime() ?? 0) > Date.now();
}
