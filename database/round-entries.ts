import type { EntityManager } from 'typeorm';

import { commitment, type Leaf } from '../domain/audit/leaf.ts';
import type { PlanRow, RequestRow } from './tables.ts';

/** What the log says of where a request stands: what it was evaluated with last, and what its round is about. */
export interface RoundEntries {
  /** The last entry that names the rules that acted. */
  readonly evaluated?: Leaf;
  /** The entry that opened the last round. */
  readonly opened?: Leaf;
  /** What its plan says in a line, as the entry of its making committed to it; absent where that is erased. */
  readonly summary?: string;
  /** The plan that the row names, as it is stored; absent unless it was asked for. */
  readonly plan?: StoredBody;
}

type StoredBody = Pick<PlanRow, 'request' | 'digest' | 'body'>;

interface EntryRow {
  readonly request: string;
  readonly is_opening: boolean;
  readonly leaf: string;
  /** The entry of the making of its plan, with what that committed to of the summary; null where that is erased. */
  readonly planned: string | null;
  readonly salt: string;
  readonly body: string;
}

interface BodyRow {
  readonly request: string;
  readonly leaf: null;
  readonly plan: StoredBody;
}

/** Those of several requests, by their ids, each of the request's own run; with the plans that the rows name, if wanted. */
export async function readRoundEntries(
  manager: EntityManager,
  rows: readonly Pick<RequestRow, 'id' | 'run_id' | 'plan_digest'>[],
  { hasPlans = false } = {},
): Promise<ReadonlyMap<string, RoundEntries>> {
  const found: (EntryRow | BodyRow)[] = await manager.query(LATEST, [
    rows.map(({ id }) => id),
    rows.map(({ run_id: run }) => run),
    hasPlans ? rows.map(({ plan_digest: digest }) => digest) : [],
  ]);
  const entries = new Map<string, RoundEntries>();
  for (const row of found) {
    const known = entries.get(row.request) ?? {};
    entries.set(row.request, row.leaf === null ? { ...known, plan: row.plan } : withEntry(known, row));
  }
  return entries;
}

function withEntry(known: RoundEntries, { is_opening, leaf, planned, salt, body }: EntryRow): RoundEntries {
  const entry = JSON.parse(leaf) as Leaf;
  const isLatest = (known.evaluated?.n ?? -1) < entry.n;
  return {
    ...known,
    ...(is_opening ? { opened: entry } : {}),
    ...(isLatest ? { evaluated: entry } : {}),
    ...(planned === null ? {} : summaryOf({ planned, salt, body })),
  };
}

const LATEST = `
  select request, is_opening, leaf, planned, salt, body, null::json as plan
  from (
    select distinct on (request, is_opening) request, run_id, is_opening, leaf
    from unnest($1::text[], $2::text[]) as wanted(request, run_id) join audit.entry using (request, run_id),
      lateral (select type <> 'request.denied' as is_opening) kind
    where type in ('request.pending', 'request.allowed')
      or type = 'request.denied' and leaf::jsonb -> 'facts' ? 'matched_rules'
    order by request, is_opening, n desc) as latest
  left join lateral (
    select entry.leaf as planned, salt, body from audit.entry join audit.payload using (event_id)
    where entry.request = latest.request and entry.run_id = latest.run_id
      and type = 'request.planned' and part = 'summary'
      and entry.leaf::jsonb -> 'facts' ->> 'plan_digest' = latest.leaf::jsonb -> 'facts' ->> 'plan_digest'
  ) as summary on is_opening
  union all
  select request, null, null, null, null, null, json_build_object('request', request, 'digest', digest, 'body', body)
  from unnest($1::text[], $3::text[]) as wanted(request, digest) join keyturn.plan using (request, digest)`;

/** What is not what the entry committed to is none. */
function summaryOf({ planned, salt, body }: Record<'planned' | 'salt' | 'body', string>) {
  const { commit } = JSON.parse(planned) as Leaf;
  const summary: unknown = JSON.parse(body);
  return commitment(salt, body) === commit['summary'] && typeof summary === 'string' ? { summary } : {};
}
