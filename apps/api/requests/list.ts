import type { z } from 'zod';

import { listRequests, type ListFilter } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { shownInChannel } from '../../../domain/request/disclosure.ts';
import { everyAccount } from '../../../domain/identity/directory.ts';
import type { Identity } from '../../../domain/identity/identity.ts';
import type { Requirement } from '../../../domain/request/requirement.ts';
import type { listQuerySchema, RequestPage, RequestSummary } from '../../../contract/requests.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { rowsAsSigned } from './signed-rows.ts';
import { standingOf } from './load.ts';
import { pageFor, readingPages, type PageCall, type PageSource, type Shown } from './page.ts';
import { callerVisibility } from './visibility.ts';
import { readWholeRows, type WholeRow } from './whole-rows.ts';
import { isFoundIn, listSearch, ROWS_OF_A_SEARCH } from './list-search.ts';
import { unlessUnreadable } from './unreadable.ts';
import type { Showing } from './view.ts';
import { summaryView } from './summary.ts';

type ListQuery = z.output<typeof listQuerySchema>;

/** One page of the requests that the caller may know of, newest first. */
export async function listPage(
  context: Showing & Pick<ApiContext, 'limits'>,
  caller: Caller,
  { query, signal }: PageCall<ListQuery>,
): Promise<RequestPage> {
  const filter = filterOf(caller, query);
  const source: PageSource = {
    read: (page) => listRequests(context.source.manager, filter, page),
    show: (rows, count) => {
      const { risk } = query;
      const { search } = filter;
      if (risk === undefined && search === null) return shownAll(context, caller, rows.slice(0, count));
      const isWanted = (item: RequestSummary): boolean =>
        (risk === undefined || item.risk === risk) && (search === null || isFoundIn(search, item));
      return shownIf(context, caller, { rows, count, isWanted });
    },
  };
  return readingPages(context, caller, (charge) => {
    if (filter.search) charge(ROWS_OF_A_SEARCH);
    return pageFor(charge, { source, query, signal });
  });
}

async function shownAll(context: Showing, caller: Caller, rows: readonly RequestRow[]): Promise<Shown> {
  return { items: await summaries(context, caller, rows), lookedAt: rows.length };
}

interface FilteredRows {
  readonly rows: readonly RequestRow[];
  readonly count: number;
  readonly isWanted: (item: RequestSummary) => boolean;
}

/** By what the caller sees: a filter must not reveal what the items withhold, so a page may hold less than its limit. */
async function shownIf(
  context: Showing,
  caller: Caller,
  { rows, count, isWanted }: FilteredRows,
): Promise<Shown> {
  const items = (await summaries(context, caller, rows)).filter(isWanted);
  const last = items.length > count ? items[count - 1] : undefined;
  const lookedAt = last ? rows.findIndex(({ id }) => id === last.id) + 1 : rows.length;
  return { items: items.slice(0, count), lookedAt };
}

/**
 * Summaries of rows, with as many queries as for one. One that does not match what was signed, or cannot be read, is left
 * out and logged.
 */
export async function summaries(
  context: Showing,
  caller: Caller,
  known: readonly RequestRow[],
): Promise<RequestPage['items']> {
  const rows = (await rowsAsSigned(context, known)).filter((row) => row !== null);
  const items = await Promise.all(
    (await readWholeRows(context, caller, rows)).map((decided) =>
      unlessUnreadable(context, decided.row.id, () => summaryOf(context, caller, decided)),
    ),
  );
  return items.filter((item) => item !== null);
}

async function summaryOf(context: Showing, caller: Caller, decided: WholeRow): Promise<RequestSummary> {
  const { row } = decided;
  const { visibility, isOwn, hasSeat } = await callerVisibility(context, caller, decided);
  const standing = await standingOf(context, caller, decided);
  const view = summaryView(context, caller, { row, standing, visibility });
  // Reviewers see in a list what they see on the page; those behind the request see no detail of the plan in either.
  return isOwn || hasSeat ? view : limitedView(view, row.requirement);
}

/** A list is a channel: what policy withholds there is only on the page of the request. */
function limitedView(view: RequestSummary, requirement: Requirement | null): RequestSummary {
  const { summary, details } = shownInChannel({ link: {}, summary: {}, details: {} }, requirement);
  return { ...view, ...(summary ?? NO_SUMMARY), ...(details ?? NO_DETAILS) };
}

/** What is required and how far it is, withheld. */
const NO_SUMMARY = {
  risk: null,
  matched_rules: null,
  requirement: null,
  progress: null,
  may_decide: null,
  shortage: null,
  decision_digest: null,
  pending_since: null,
  expires_at: null,
} as const;

/** What the plan says and what came of it, withheld. */
const NO_DETAILS = {
  risk_reasons: null,
  summary: null,
  failure: null,
  result: null,
} as const;

function filterOf(caller: Caller, query: ListQuery): ListFilter {
  return {
    status: query.status ?? null,
    action: query.action ?? null,
    target: query.target ?? null,
    environment: query.environment ?? null,
    lineage: lineageFilter(caller, query.mine === true),
    from: query.from ?? null,
    to: query.to ?? null,
    search: listSearch(caller, query.q),
  };
}

function lineageFilter(caller: Caller, isMineOnly: boolean): readonly Identity[] | null {
  if (!isReviewer(caller)) return [caller.principal.identity];
  return isMineOnly
    ? [caller.principal.identity, ...(caller.person ? everyAccount(caller.person) : [])]
    : null;
}
