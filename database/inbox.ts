import type { EntityManager } from 'typeorm';

import type { Identity } from '../domain/identity/identity.ts';
import { parameters, type Put } from './parameters.ts';
import { membersOf, type ListPage } from './request-list.ts';
import { selection } from './row-statements.ts';
import { firstRow, rows } from './rows.ts';
import { requestTable, type RequestRow } from './tables.ts';

/** What the pending requests of an inbox are sorted by: newest first, or the first to expire first. */
export type InboxSort = 'newest' | 'deadline';

/** Who reads an inbox. */
export interface InboxOwner {
  /** Selectors that hold the owner now. */
  readonly selectors: readonly string[];
  /** The same with rotations in which the owner is on call at other times. */
  readonly names: readonly string[];
  /** Targets that one of the names owns. */
  readonly targets: readonly string[];
  /** Actions whose owners follow from an argument: any of them may be the owner's. */
  readonly actions: readonly string[];
  /** Accounts whose own requests are none to decide. */
  readonly accounts: readonly Identity[];
}

/** Text that requests are searched for. */
export interface InboxSearch {
  readonly text: string;
  /** Accounts whose names have the text. */
  readonly accounts: readonly Identity[];
}

/** Which pending requests: with an open stage for the owner, that name the owner in any stage, or all. */
export interface InboxFilter {
  readonly scope: 'open' | 'named' | 'all';
  readonly sort: InboxSort;
  readonly search: InboxSearch | null;
}

/** How many pending requests there are of each scope, `PENDING_COUNTED_MAX` at most. */
export type PendingCounts = Readonly<Record<InboxFilter['scope'], number>>;

/** A count says "at least so many" from here on, so that nobody pays for counting them all. */
export const PENDING_COUNTED_MAX = 1_000;

/** Whom any stage of a requirement names, as its index has it. */
const NAMES = `jsonb_path_query_array(requirement, '$.rules[*].stages[*].**')`;

function conditionOf(
  scope: InboxFilter['scope'],
  { selectors, accounts, names, targets, actions }: InboxOwner,
  put: Put,
): string {
  switch (scope) {
    case 'open':
      return `open_selectors && ${put(selectors, 'text[]')}
        and not (lineage @> any(${put(membersOf(accounts), 'jsonb[]')}))`;
    case 'named':
      // Of what somebody is behind, only what is open: whom it asks later follows from a plan that they do not see yet.
      return `${NAMES} ?| ${put([...names, 'owners'], 'text[]')} and (${NAMES} ?| ${put(names, 'text[]')}
        or target = any(${put(targets, 'text[]')}) or action = any(${put(actions, 'text[]')}))
        and (open_selectors && ${put(names, 'text[]')} or not (lineage @> any(${put(membersOf(accounts), 'jsonb[]')})))`;
    case 'all':
      return 'true';
  }
}

/** Counts the pending requests of each scope. */
export async function countPending(manager: EntityManager, owner: InboxOwner): Promise<PendingCounts> {
  const { values, put } = parameters();
  const count = (scope: InboxFilter['scope']) =>
    `(select count(*)::int from (select from keyturn.request
       where status = 'pending' and ${conditionOf(scope, owner, put)} limit ${PENDING_COUNTED_MAX}) found) as "${scope}"`;
  const text = `select ${count('open')}, ${count('named')}, ${count('all')}`;
  return (await firstRow<PendingCounts>(manager, text, values)) ?? { open: 0, named: 0, all: 0 };
}

/** Whatever waits for people has a deadline. */
const ORDERS = {
  newest: { column: 'created_at', after: '<', direction: 'desc' },
  deadline: { column: 'expires_at', after: '>', direction: 'asc' },
} as const;

/** One page of the pending requests of a scope, of which there are so many (`countPending`). */
export async function listPending(
  manager: EntityManager,
  { owner, filter, counts }: { owner: InboxOwner; filter: InboxFilter; counts: PendingCounts },
  { after, limit }: ListPage,
): Promise<readonly RequestRow[]> {
  const { scope, sort, search } = filter;
  const { column, after: compared, direction } = ORDERS[sort];
  const { values, put } = parameters();
  const wanted = conditionOf(scope, owner, put);
  const conditions = [
    `status = 'pending' and ${column} is not null`,
    // Where many are for the owner, the index in the order of the list soon has a page of them. PostgreSQL would read and
    // sort them all: `case` hides the condition from its indexes and its estimates.
    counts[scope] < PENDING_COUNTED_MAX ? wanted : `case when ${wanted} then true end`,
    ...(after
      ? [`(${column}, id) ${compared} (${put(after.at, 'timestamptz')}, ${put(after.id, 'text')})`]
      : []),
    ...(search ? [foundBy(search, put)] : []),
  ];
  const text = `${selection(requestTable)} where ${conditions.join(' and ')}
    order by ${column} ${direction}, id ${direction} limit ${put(limit, 'int')}`;
  return rows(manager, text, values);
}

/** Found as it is: no character of the text has a meaning of its own. A garbled lineage has no members. */
function foundBy({ text, accounts }: InboxSearch, put: Put): string {
  const wanted = put(text, 'text');
  const columns = ['action', 'target', 'environment', 'id', 'requester_subject'];
  // As one array of texts, of which the database makes a hash table: it is looked at for every member of every request.
  const keys = put(
    accounts.map(({ issuer, subject }) => `${issuer} ${subject}`),
    'text[]',
  );
  return `(${columns.map((column) => `strpos(lower(${column}), lower(${wanted})) > 0`).join(' or ')}
    or exists (select from jsonb_path_query(lineage, '$[*]') member
      where (member ->> 'issuer') || ' ' || (member ->> 'subject') = any(${keys})))`;
}
