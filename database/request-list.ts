import type { EntityManager } from 'typeorm';

import type { Identity } from '../domain/identity/identity.ts';
import { DENIED, type RequestStatus } from '../domain/request/status.ts';
import { parameters, type Put } from './parameters.ts';
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
  /** Created at this instant or later, and before that one. RFC 3339. */
  readonly from: string | null;
  readonly to: string | null;
  readonly search: ListSearch | null;
}

/** What a text finds. Each of these is found by an index. */
export interface ListSearch {
  /** Whole, as the id of a request. */
  readonly id: string;
  readonly actions: readonly string[];
  readonly targets: readonly string[];
  readonly environments: readonly string[];
  /** Accounts that somebody behind the request has. */
  readonly accounts: readonly Identity[];
  /** Text of a summary. Null for readers who see few of them. */
  readonly summary: string | null;
}

/** One page. */
export interface ListPage {
  readonly after: ListPosition | null;
  readonly limit: number;
}

const ORDER = 'order by created_at desc, id desc';

/** Summaries are in no index: so many of the newest requests are looked through. */
const SUMMARIES_MAX = 20_000;

/** Requests that match, newest first. */
export async function listRequests(
  manager: EntityManager,
  filter: ListFilter,
  { after, limit }: ListPage,
): Promise<readonly RequestRow[]> {
  const { values, put } = parameters();
  const wanted = conditionOf(filter, after, put);
  const first = `${ORDER} limit ${put(limit, 'int')}`;
  if (filter.search === null)
    return rows(manager, `${selection(requestTable)} where ${wanted} ${first}`, values);
  // Each way by its own index, and no more of each than the page has: one condition over all would have to read every row.
  const found = waysOf(filter.search, wanted, put).map(
    (way) => `(select id from keyturn.request where ${wanted} and ${way} ${first})`,
  );
  return rows(
    manager,
    `${selection(requestTable)} where id in (${found.join(' union all ')}) ${first}`,
    values,
  );
}

function conditionOf(filter: ListFilter, after: ListPosition | null, put: Put): string {
  const { status, action, target, environment, lineage, from, to } = filter;
  const equal = Object.entries({ status, action, target, environment }).flatMap(([column, value]) =>
    value === null ? [] : [`${column} = ${put(value, 'text')}`],
  );
  return [
    'true',
    ...(after ? [`(created_at, id) < (${put(after.at, 'timestamptz')}, ${put(after.id, 'text')})`] : []),
    ...equal,
    ...(lineage ? [`lineage @> any(${put(membersOf(lineage), 'jsonb[]')})`] : []),
    ...(from === null ? [] : [`created_at >= ${put(from, 'timestamptz')}`]),
    ...(to === null ? [] : [`created_at < ${put(to, 'timestamptz')}`]),
  ].join(' and ');
}

function waysOf(search: ListSearch, wanted: string, put: Put): readonly string[] {
  const { id, actions, targets, environments, accounts, summary } = search;
  const among = Object.entries({ action: actions, target: targets, environment: environments });
  return [
    `id = ${put(id, 'text')}`,
    ...among.flatMap(([column, names]) => waysOfNames(column, names, put)),
    ...(accounts.length > 0 ? [`lineage @> any(${put(membersOf(accounts), 'jsonb[]')})`] : []),
    ...(summary === null
      ? []
      : [
          `id in (select id from (select id, summary from keyturn.request where ${wanted} ${ORDER} limit ${SUMMARIES_MAX}) newest
             where strpos(lower(summary), lower(${put(summary, 'text')})) > 0)`,
        ]),
  ];
}

/** A text of one letter finds thousands of names: so many parts of a statement take longer to plan than to run. */
const WAYS_MAX = 20;

/** One by one, where they are few: only so the index gives them in the order of the list. */
function waysOfNames(column: string, names: readonly string[], put: Put): readonly string[] {
  if (names.length > WAYS_MAX) return [`${column} = any(${put(names, 'text[]')})`];
  return names.map((name) => `${column} = ${put(name, 'text')}`);
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
