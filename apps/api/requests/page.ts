import type { ListPage, ListPosition } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { RequestPage } from '../../../domain/wire.ts';
import { cursorAfter, positionAfter } from './cursor.ts';

/** Where a page comes from. */
export interface PageSource {
  /** Rows after a position, as many as asked for while there are so many. */
  read(page: ListPage): Promise<readonly RequestRow[]>;
  /** What is shown of the first of them, at most so many items. */
  show(rows: readonly RequestRow[], count: number): Promise<Shown>;
}

/** Items, and how many rows had to be looked at for them. */
export interface Shown {
  readonly items: RequestPage['items'];
  readonly lookedAt: number;
}

/** Which page is wanted. */
export interface WantedPage {
  readonly after: ListPosition | null;
  readonly limit: number;
  /** How many rows are read at first. Ever more are, as long as nothing is found among them. */
  readonly batch: number;
  /** Aborts when nobody waits for the page any more. */
  readonly signal: AbortSignal;
}

/** So many rows are read at once. */
const BATCH_MAX = 400;

/** A page that holds something ends after so many rows, full or not. */
const LOOKED_AT_MAX = 1_000;

/** A page ends after so many rows, whatever it holds: no filter makes one call read the whole table. */
const READ_MAX = 2_000;

/**
 * One page. While its cursor is not null something may follow, also after a page that holds nothing. Batches grow, so that
 * what is far behind is found by few questions.
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
    if (isEnough(wanted, items.length, lookedAt)) return { items, next_cursor: cursorAfter(last) };
    after = positionAfter(last);
    batch = Math.min(batch * 2, BATCH_MAX, READ_MAX - lookedAt);
  }
}

function isEnough({ limit, signal }: WantedPage, found: number, lookedAt: number): boolean {
  if (found === limit || lookedAt >= READ_MAX || signal.aborted) return true;
  return found > 0 && lookedAt >= LOOKED_AT_MAX;
}
