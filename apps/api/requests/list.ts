import type { z } from 'zod';

import { listRequests, readDecisionsOfAll, type ListFilter } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { Identity } from '../../../domain/identity.ts';
import type { listQuerySchema, RequestPage } from '../../../domain/wire.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { cursorAfter, positionOf } from './cursor.ts';
import { isOwn } from './load.ts';
import { sightOf, summaryView } from './view.ts';

const LIMIT_DEFAULT = 50;

type ListQuery = z.output<typeof listQuerySchema>;

/** One page of the requests that the caller may know of, newest first. */
export async function listPage(context: ApiContext, caller: Caller, query: ListQuery): Promise<RequestPage> {
  const limit = query.limit ?? LIMIT_DEFAULT;
  const page = { after: positionOf(query.cursor), limit: limit + 1 };
  const rows = await listRequests(context.source.manager, filterOf(caller, query), page);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: await summaries(context, caller, shown),
    next_cursor: rows.length > limit && last ? cursorAfter(last) : null,
  };
}

/** Summaries of rows, with one query for all their decisions. */
export async function summaries(
  context: ApiContext,
  caller: Caller,
  rows: readonly RequestRow[],
): Promise<RequestPage['items']> {
  const decisions = await readDecisionsOfAll(
    context.source.manager,
    rows.map((row) => row.id),
  );
  return Promise.all(
    rows.map(async (row) => {
      const hasDetails = await hasDetailsInList(context, caller, row);
      return summaryView(context, caller, { row, decisions: decisions.get(row.id) ?? [], hasDetails });
    }),
  );
}

/** Whether a failed request was ever approved takes a query: only its own page asks that. */
async function hasDetailsInList(context: ApiContext, caller: Caller, row: RequestRow): Promise<boolean> {
  if (row.status === 'failed' && (await isOwn(context, caller, row))) return false;
  return (await sightOf(context, caller, row)).details;
}

function filterOf(caller: Caller, query: ListQuery): ListFilter {
  return {
    status: query.status ?? null,
    action: query.action ?? null,
    target: query.target ?? null,
    environment: query.environment ?? null,
    risk: query.risk ?? null,
    lineage: lineageFilter(caller, query.mine === 'true'),
  };
}

function lineageFilter(caller: Caller, isMineOnly: boolean): readonly Identity[] | null {
  if (!isReviewer(caller)) return [caller.principal.identity];
  return isMineOnly ? [caller.principal.identity, ...(caller.person?.accounts ?? [])] : null;
}
