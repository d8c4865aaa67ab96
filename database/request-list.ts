import type { EntityManager } from 'typeorm';

import type { Identity } from '../domain/identity/identity.ts';
import { DENIED, type RequestStatus } from '../domain/request/status.ts';
import { queryPrepared } from './prepared.ts';
import { selection } from './row-statements.ts';
import { columnOf, rows, sqlList } from './rows.ts';
import { decisionTable, requestTable, type DecisionRow, type RequestRow } from './tables.ts';

/** Where a page ended: the next one starts after it. Ids break ties. */
export interface ListPosition {
  /** The instant that the list is sorted by, RFC 3339 UTC. */
  readonly at: string;
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
  { status, action, target, environment, lineage }: ListFilter,
  { after, limit }: ListPage,
): Promise<readonly RequestRow[]> {
  const condition = `($4::text is null or status = $4) and ($5::text is null or action = $5)
    and ($6::text is null or target = $6) and ($7::text is null or environment = $7)
    and ($8::jsonb[] is null or lineage @> any($8))`;
  return rows(
    manager,
    `${selection(requestTable)} where ($1::timestamptz is null or (created_at, id) < ($1, $2)) and ${condition}
     order by created_at desc, id desc limit $3`,
    [after?.at, after?.id, limit, status, action, target, environment, lineage && membersOf(lineage)],
  );
}

/** As a lineage holds them, whatever their roles. */
export function membersOf(accounts: readonly Identity[]): readonly string[] {
  return accounts.map(({ issuer, subject }) => JSON.stringify([{ issuer, subject }]));
}

/** All decisions of the requests, in the order of recording. */
export async function readDecisionsOfAll(
  manager: EntityManager,
  requests: readonly string[],
): Promise<ReadonlyMap<string, readonly DecisionRow[]>> {
  const text = `${selection(decisionTable)} where request = any($1) order by recorded_at, id`;
  return Map.groupBy(await rows<DecisionRow>(manager, text, [requests]), ({ request }) => request);
}

const DECISION = { name: 'decision', text: `${selection(decisionTable)} where id = $1` };

/** The decision with this id, or null. */
export async function readDecision(manager: EntityManager, id: string): Promise<DecisionRow | null> {
  const [row] = await queryPrepared<DecisionRow>(manager, DECISION, [id]);
  return row ?? null;
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
  const found = await rows<EarlierRefusals['latest'][number] & { count: number; withdrawn: number }>(
    manager,
    EARLIER,
    [intent_digest, id, created_at, membersOf(accounts)],
  );
  const [{ count, withdrawn } = { count: 0, withdrawn: 0 }] = found;
  return { count, withdrawn, latest: found.map(({ count: _count, withdrawn: _withdrawn, ...row }) => row) };
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

/** An erasable part of an entry. */
type StoredPart = Readonly<Record<'event_id' | 'part' | 'salt' | 'body', string>>;

/** All audit entries of a request, their exact bytes, run by run, in order. */
export async function readLeaves(manager: EntityManager, request: string): Promise<readonly string[]> {
  const text =
    'select leaf from audit.entry where request = $1 order by min(id) over (partition by run_id), n';
  return columnOf(manager, text, [request]);
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
