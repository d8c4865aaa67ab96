import type { EntityManager, SelectQueryBuilder } from 'typeorm';

import type { Identity } from '../domain/identity/identity.ts';
import { DENIED, type RequestStatus } from '../domain/request/request.ts';
import { selection } from './row-statements.ts';
import { firstRow, rows } from './rows.ts';
import { sqlList } from './status-sql.ts';
import { decisionTable, requestTable, type DecisionRow, type RequestRow } from './tables.ts';

/** Where a page ended: the next one starts after it. Newest first, ids break ties. */
export interface ListPosition {
  readonly createdAt: string;
  readonly id: string;
}

/** Which requests are wanted. What is null does not matter. */
export interface ListFilter {
  readonly status: RequestStatus | null;
  readonly action: string | null;
  readonly target: string | null;
  readonly environment: string | null;
  /** Only requests with one of these identities in their lineage. An empty list matches nothing. */
  readonly lineage: readonly Identity[] | null;
}

/** One page. */
export interface ListPage {
  readonly after: ListPosition | null;
  readonly limit: number;
}

/** Requests that match, newest first. */
export async function listRequests(
  manager: EntityManager,
  filter: ListFilter,
  page: ListPage,
): Promise<RequestRow[]> {
  if (filter.lineage?.length === 0) return [];
  const query = pageQuery(manager, page);
  for (const column of ['status', 'action', 'target', 'environment'] as const) {
    const wanted = filter[column];
    if (wanted !== null) query.andWhere(`request.${column} = :${column}`, { [column]: wanted });
  }
  if (filter.lineage) narrowToLineage(query, filter.lineage);
  return query.getMany();
}

/** Whose inbox it is. */
export interface InboxOwner {
  readonly selectors: readonly string[];
  /** Accounts whose own requests are none to decide. */
  readonly accounts: readonly Identity[];
}

/** Pending requests with an open stage for one of the selectors, newest first, without those of the owner's accounts. */
export async function listOpen(
  manager: EntityManager,
  { selectors, accounts }: InboxOwner,
  page: ListPage,
): Promise<RequestRow[]> {
  const own = accounts.map(({ issuer, subject }) => JSON.stringify([{ issuer, subject }]));
  return pageQuery(manager, page)
    .andWhere(`request.status = 'pending'`)
    .andWhere('not (request.lineage @> any(cast(:own as jsonb[])))', { own })
    .andWhere('request.open_selectors && cast(:selectors as text[])', { selectors: [...selectors] })
    .getMany();
}

/** All decisions of the requests, in the order of recording. */
export async function readDecisionsOfAll(
  manager: EntityManager,
  requests: readonly string[],
): Promise<ReadonlyMap<string, readonly DecisionRow[]>> {
  const text = `${selection(decisionTable)} where request = any($1) order by recorded_at, id`;
  return Map.groupBy(await rows<DecisionRow>(manager, text, [requests]), ({ request }) => request);
}

/** The decision with this id, or null. */
export async function readDecision(manager: EntityManager, id: string): Promise<DecisionRow | null> {
  return (await firstRow<DecisionRow>(manager, `${selection(decisionTable)} where id = $1`, [id])) ?? null;
}

/** Requests to which nobody agreed. */
export interface EarlierRefusals {
  readonly count: number;
  /** How many of them were withdrawn before anybody decided. */
  readonly withdrawn: number;
  /** The newest of them, newest first. */
  readonly latest: readonly Pick<RequestRow, 'id' | 'status' | 'created_at'>[];
}

const LATEST_MAX = 5;

/**
 * What these accounts were behind before that is the same as a request, however it was written, and nobody agreed to:
 * with its intent, or with a plan that shares a likeness with its plans.
 */
export async function earlierRefusals(
  manager: EntityManager,
  { id, intent_digest, created_at }: RequestRow,
  accounts: readonly Identity[],
): Promise<EarlierRefusals> {
  const members = accounts.map(({ issuer, subject }) => JSON.stringify([{ issuer, subject }]));
  const rows: (EarlierRefusals['latest'][number] & { count: number; withdrawn: number })[] =
    await manager.query(EARLIER, [intent_digest, id, created_at, members]);
  const [{ count, withdrawn } = { count: 0, withdrawn: 0 }] = rows;
  return { count, withdrawn, latest: rows.map(({ count: _count, withdrawn: _withdrawn, ...row }) => row) };
}

const EARLIER = `
  select id, status, created_at, (count(*) over ())::int as count,
         (count(*) filter (where status = 'cancelled') over ())::int as withdrawn
    from keyturn.request
   where id in (select id from keyturn.request where intent_digest = $1
                union
                select request from keyturn.plan
                 where alike && (select array_agg(one) from keyturn.plan own, unnest(own.alike) one
                                  where own.request = $2))
     and id <> $2 and created_at <= $3 and lineage @> any($4::jsonb[])
     and (status in ${sqlList(DENIED)}
       or (status = 'cancelled' and failure is null and not exists (
             select from keyturn.decision
              where decision.request = request.id and outcome = 'counted' and verdict <> 'defer')))
   order by created_at desc limit ${LATEST_MAX}`;

/** One audit entry: its exact bytes. */
export interface StoredLeaf {
  readonly event_id: string;
  readonly run_id: string;
  readonly leaf: string;
}

/** An erasable part of an entry. */
export interface StoredPart {
  readonly event_id: string;
  readonly part: string;
  readonly salt: string;
  readonly body: string;
}

/** All audit entries of a request, run by run, in order. */
export async function readLeaves(manager: EntityManager, request: string): Promise<readonly StoredLeaf[]> {
  return manager.query(
    `select event_id, run_id, leaf from audit.entry where request = $1
     order by min(id) over (partition by run_id), n`,
    [request],
  );
}

/** All parts of a request's entries that were not erased. */
export async function readParts(manager: EntityManager, request: string): Promise<readonly StoredPart[]> {
  return manager.query(
    `select payload.event_id, payload.part, payload.salt, payload.body
     from audit.entry join audit.payload using (event_id) where entry.request = $1
     order by entry.id, payload.part`,
    [request],
  );
}

/** What stands behind pseudonyms, where it was not erased. */
export async function readSubjects(
  manager: EntityManager,
  pseudonyms: readonly string[],
): Promise<ReadonlyMap<string, Partial<Record<'issuer' | 'subject' | 'person', string>>>> {
  const rows: { pseudonym: string; body: Partial<Record<'issuer' | 'subject' | 'person', string>> }[] =
    await manager.query('select pseudonym, body from audit.subject where pseudonym = any($1)', [
      [...pseudonyms],
    ]);
  return new Map(rows.map((row) => [row.pseudonym, row.body]));
}

function pageQuery(manager: EntityManager, { after, limit }: ListPage): SelectQueryBuilder<RequestRow> {
  const query = manager
    .getRepository(requestTable)
    .createQueryBuilder('request')
    .orderBy('request.created_at', 'DESC')
    .addOrderBy('request.id', 'DESC')
    .limit(limit);
  if (after) {
    query.andWhere('(request.created_at, request.id) < (cast(:afterTime as timestamptz), :afterId)', {
      afterTime: after.createdAt,
      afterId: after.id,
    });
  }
  return query;
}

function narrowToLineage(query: SelectQueryBuilder<RequestRow>, identities: readonly Identity[]): void {
  const parts = identities.map((_, index) => `request.lineage @> cast(:member${index} as jsonb)`);
  const values = identities.map(({ issuer, subject }, index) => [
    `member${index}`,
    JSON.stringify([{ issuer, subject }]),
  ]);
  query.andWhere(`(${parts.join(' or ')})`, Object.fromEntries(values));
}
