import type { InboxSort } from '../../../database/inbox.ts';
import type { ListPage, ListPosition } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { RequestPage } from '../../../contract/requests.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { cursorAfter, positionAfter, positionOf } from './cursor.ts';

/** Reads and shows rows for a page. */
export interface PageSource {
  /** Rows after a position: as many as the limit, fewer only at the end. */
  read(page: ListPage): Promise<readonly RequestRow[]>;
  /** At most `count` items for the first of them. */
  show(rows: readonly RequestRow[], count: number): Promise<Shown>;
}

/** Items, and how many rows were read for them. */
export interface Shown {
  readonly items: RequestPage['items'];
  readonly lookedAt: number;
}

/** A call for a page. */
export interface PageCall<Query> {
  readonly query: Query;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
}

/** Which page is wanted. */
export interface WantedPage {
  readonly sort: InboxSort;
  readonly after: ListPosition | null;
  readonly limit: number;
  /** How many rows are read at first. The number grows while nothing is found. */
  readonly batch: number;
  readonly signal: AbortSignal;
}

const LIMIT_DEFAULT = 50;

/** Rows that are read at once. */
const BATCH_MAX = 400;

/** A page ends after reading so many rows: no filter makes one call read the whole table. */
const READ_MAX = 1_000;

/** Checking so many rows, with signatures and decisions, costs as much as a call without any. */
const ROWS_OF_A_CALL = 4;

/** Without `batch` one row more than the limit is read at first. */
type PageInput = PageCall<{ limit?: number | undefined; cursor?: string | undefined }> & {
  readonly source: PageSource;
  readonly batch?: number;
  /** Newest first unless it says otherwise. */
  readonly sort?: InboxSort;
};

/** Charges a caller for so many rows that were read. */
export type Charge = (rows: number) => void;

/** Reads pages for a caller, who can have so many at once at most, and is charged for the rows that are read. */
export async function readingPages<Result>(
  { limits }: Pick<ApiContext, 'limits'>,
  { principal }: Pick<Caller, 'principal'>,
  work: (charge: Charge) => Promise<Result>,
): Promise<Result> {
  const name = identityKey(principal.identity);
  const release = limits.pages.take(name);
  try {
    return await work((rows) => limits.calls.charge(name, Math.floor(rows / ROWS_OF_A_CALL)));
  } finally {
    release();
  }
}

/** One page of a source. */
export async function pageFor(
  charge: Charge,
  { source, query, signal, batch, sort = 'newest' }: PageInput,
): Promise<RequestPage> {
  const read = async (page: ListPage): Promise<readonly RequestRow[]> => {
    const rows = await source.read(page);
    charge(rows.length);
    return rows;
  };
  const { limit = LIMIT_DEFAULT, cursor } = query;
  const wanted = { sort, limit, after: positionOf(cursor, sort), batch: batch ?? limit + 1, signal };
  return fillPage({ ...source, read }, wanted);
}

/**
 * One page. While its cursor is not null something may follow, also after an empty page. Batches grow, so that distant rows
 * are found with few queries.
 */
export async function fillPage(source: PageSource, wanted: WantedPage): Promise<RequestPage> {
  const items: RequestPage['items'] = [];
  let { after, batch } = wanted;
  let lookedAt = 0;
  for (;;) {
    const rows = await source.read({ after, limit: batch });
    const shown = await source.show(rows, wanted.limit - items.length);
    items.push(...shown.items);
    lookedAt += shown.lookedAt;
    const last = rows[shown.lookedAt - 1];
    if (!last || (last === rows.at(-1) && rows.length < batch)) return { items, next_cursor: null };
    if (items.length === wanted.limit || lookedAt >= READ_MAX || wanted.signal.aborted)
      return { items, next_cursor: cursorAfter(last, wanted.sort) };
    after = positionAfter(last, wanted.sort);
    batch = Math.min(batch * 2, BATCH_MAX, READ_MAX - lookedAt);
  }
}
