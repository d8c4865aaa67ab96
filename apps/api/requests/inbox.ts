import type { z } from 'zod';

import {
  countPending,
  listPending,
  type InboxFilter,
  type InboxOwner,
  type PendingCounts,
} from '../../../database/inbox.ts';
import type { ListPage } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { InboxPage, inboxQuerySchema } from '../../../contract/requests.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { decidableRows, type Chosen } from './decidable.ts';
import { inboxOwner, isNamedIn, searchFor } from './inbox-owner.ts';
import { ROWS_OF_A_SEARCH } from './list-search.ts';
import { summaries } from './list.ts';
import { pageFor, readingPages, type Charge, type PageCall, type PageSource } from './page.ts';
import { unlessUnreadable } from './unreadable.ts';
import type { Showing } from './view.ts';

const SCOPES = { me: 'open', groups: 'named', all: 'all' } as const;

interface Inbox {
  readonly context: Showing;
  readonly caller: Caller;
  readonly owner: InboxOwner;
  readonly counts: PendingCounts;
}

/**
 * Pending requests: that the caller may decide now, with break-glass requests that have the caller on the ladder; that name
 * the caller; or that the caller may see.
 */
export async function inboxPage(
  context: Showing & Pick<ApiContext, 'limits'>,
  caller: Caller,
  { query, signal }: PageCall<z.output<typeof inboxQuerySchema>>,
): Promise<InboxPage> {
  const { scope = 'me', sort = 'newest', q = '', cursor } = query;
  const search = searchFor(caller.directory, q);
  const owner = await inboxOwner(context, caller);
  return readingPages(context, caller, async (charge) => {
    if (search) charge(ROWS_OF_A_SEARCH);
    const inbox = { context, caller, owner, counts: await countPending(context.source.manager, owner) };
    const source = sourceOf(inbox, { scope: SCOPES[scope], sort, search });
    const batch = scope === 'me' ? { batch: CHECKED } : {};
    const page = await pageFor(charge, { source, query, signal, sort, ...batch });
    return { ...page, counts: cursor === undefined ? await countsOf(inbox, charge) : null };
  });
}

function sourceOf(inbox: Inbox, filter: InboxFilter): PageSource {
  const { context, caller } = inbox;
  return {
    read: (page) => readPending(inbox, filter, page),
    show: async (rows, count) => {
      const { chosen, lookedAt } = await chosenOf(inbox, filter.scope, { rows, count });
      return { items: await summaries(context, caller, chosen), lookedAt };
    },
  };
}

function readPending(
  { context, owner, counts }: Inbox,
  filter: InboxFilter,
  page: ListPage,
): Promise<readonly RequestRow[]> {
  return listPending(context.source.manager, { owner, filter, counts }, page);
}

/** The indexes have too many requests: each is checked again. */
async function chosenOf(
  { context, caller, owner }: Inbox,
  scope: InboxFilter['scope'],
  { rows, count }: { readonly rows: readonly RequestRow[]; readonly count: number },
): Promise<Chosen> {
  if (scope === 'open') return decidableRows(context, caller, { rows, count });
  const first = rows.slice(0, count);
  if (scope === 'all') return { chosen: first, lookedAt: first.length };
  const checked = first.map((row) =>
    unlessUnreadable(context, row.id, async () => (isNamedIn(caller, owner, row) ? row : null)),
  );
  return { chosen: (await Promise.all(checked)).filter((row) => row !== null), lookedAt: first.length };
}

/** So many candidates are checked at once, and before they are counted. */
const CHECKED = 100;

async function countsOf(inbox: Inbox, charge: Charge): Promise<NonNullable<InboxPage['counts']>> {
  const exactly = async (scope: InboxFilter['scope']): Promise<number> => {
    const candidates = inbox.counts[scope];
    if (candidates === 0 || candidates > CHECKED) return candidates;
    const page = { after: null, limit: CHECKED };
    const rows = await readPending(inbox, { scope, sort: 'newest', search: null }, page);
    charge(rows.length);
    return (await chosenOf(inbox, scope, { rows, count: CHECKED })).chosen.length;
  };
  return { me: await exactly('open'), groups: await exactly('named'), all: inbox.counts.all };
}
