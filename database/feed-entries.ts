import type { EntityManager } from 'typeorm';

import type { Identity, Lineage } from '../domain/identity/identity.ts';
import type { RequestStatus } from '../domain/request/status.ts';
import { columnOf, firstRow, rows, valueOf } from './rows.ts';

/** One recorded change of one request. */
export interface FeedEntry {
  /** The id of the audit entry: grows, but is assigned before the commit, so entries arrive out of order. */
  readonly id: number;
  readonly request: string;
  readonly type: string;
  readonly at: string;
  /** Null when the entry is about no request, e.g. about a policy. */
  readonly status: RequestStatus | null;
  readonly lineage: Lineage | null;
}

/** Entries to read again: after an id, of one request or of all, that a reader may know of. */
export interface ReadOptions {
  readonly after: number;
  readonly request: string | null;
  /** Only of requests with this identity in their lineage; null: of all. */
  readonly lineage: Identity | null;
}

/** Transactions: all below `oldestOpen` have ended; `next` was not given out yet. */
export interface Horizon {
  readonly oldestOpen: bigint;
  readonly next: bigint;
}

/** The most entries that one query answers. */
export const FEED_BATCH = 500;

/** Entries of requests that are already committed, oldest first, at most a batch. */
export async function readAgain(
  manager: EntityManager,
  { after, request, lineage }: ReadOptions,
): Promise<readonly FeedEntry[]> {
  const known = lineage && JSON.stringify([{ issuer: lineage.issuer, subject: lineage.subject }]);
  return entriesWhere(
    manager,
    `entry.id > $1 and ($2::text is null or entry.request = $2) and request.id is not null
     and ($3::jsonb is null or request.lineage @> $3)`,
    [after, request, known],
  );
}

/** All entries after an id, oldest first, at most a batch. */
export async function entriesAfter(manager: EntityManager, after: number): Promise<readonly FeedEntry[]> {
  return entriesWhere(manager, 'entry.id > $1', [after]);
}

/** Those of the ids that there are by now, at most a batch. */
export async function entriesAmong(
  manager: EntityManager,
  ids: readonly number[],
): Promise<readonly FeedEntry[]> {
  return ids.length === 0 ? [] : entriesWhere(manager, 'entry.id = any($1)', [ids]);
}

/** Which ids from one to another there are. */
export async function idsBetween(
  manager: EntityManager,
  from: number,
  to: number,
): Promise<ReadonlySet<number>> {
  const text = 'select id from audit.entry where id between $1 and $2';
  return new Set((await columnOf(manager, text, [from, to])).map(Number));
}

/** The number of the newest entry that is committed; 0 without any. */
export async function newestEntry(manager: EntityManager): Promise<number> {
  return Number(await valueOf(manager, 'select max(id) from audit.entry'));
}

/** Which transactions have ended and which have not begun. */
export async function readHorizon(manager: EntityManager): Promise<Horizon> {
  const now = await firstRow<{ oldest_open: string; next: string }>(
    manager,
    `select pg_snapshot_xmin(now)::text as oldest_open, pg_snapshot_xmax(now)::text as next
     from pg_current_snapshot() now`,
  );
  return { oldestOpen: BigInt(now?.oldest_open ?? 0), next: BigInt(now?.next ?? 0) };
}

async function entriesWhere(
  manager: EntityManager,
  condition: string,
  values: readonly unknown[],
): Promise<readonly FeedEntry[]> {
  const found = await rows<Omit<FeedEntry, 'id'> & { readonly id: string }>(
    manager,
    `select entry.id, entry.request, entry.type, entry.leaf::jsonb ->> 'at' as at, request.status, request.lineage
     from audit.entry left join keyturn.request on request.id = entry.request
     where ${condition} order by entry.id limit ${FEED_BATCH}`,
    values,
  );
  return found.map((row) => ({ ...row, id: Number(row.id) }));
}
