import type { ListPage, ListPosition } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { RequestPage } from '../../../contract/requests.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { cursorAfter, positionAfter } from './cursor.ts';

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

/** Which page is wanted. */
export interface WantedPage {
  readonly after: ListPosition | null;
  readonly limit: number;
  /** How many rows are read at first. The number grows while nothing is found. */
  readonly batch: number;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
}

/** Rows that are read at once. */
const BATCH_MAX = 400;

/** A page ends after reading so many rows: no filter makes one call read the whole table. */
const READ_MAX = 1_000;

/** Checking so many rows, with signatures and decisions, costs as much as a call without any. */
const ROWS_OF_A_CALL = 4;

/** Pages of all callers that are made at once: each holds its rows, and connections. */
const PAGES_MAX = 40;
const TOO_MANY = 'Too many lists of yours are being read: wait for them.';

/** A page for a caller, who can have so many at once at most, and is charged for the rows that are read. */
export async function pageFor(
  { limiter, pages }: Pick<ApiContext, 'limiter' | 'pages'>,
  { principal }: Pick<Caller, 'principal'>,
  { source, ...wanted }: WantedPage & { readonly source: PageSource },
): Promise<RequestPage> {
  const name = identityKey(principal.identity);
  const release = pages.take(name, PAGES_MAX, TOO_MANY);
  const read = async (page: ListPage): Promise<readonly RequestRow[]> => {
    const rows = await source.read(page);
    limiter.charge(name, Math.floor(rows.length / ROWS_OF_A_CALL));
    return rows;
  };
  try {
    return await fillPage({ ...source, read }, wanted);
  } finally {
    release();
  }
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
      return { items, next_cursor: cursorAfter(last) };
    after = positionAfter(last);
    batch = Math.min(batch * 2, BATCH_MAX, READ_MAX - lookedAt);
  }
}
