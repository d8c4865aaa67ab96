import type { EntityManager } from 'typeorm';

import { commitment, type Leaf } from '../domain/audit/leaf.ts';
import type { RequestRow } from './tables.ts';

/** What the log says of where a request stands: what it was evaluated with last, and what its round is about. */
export interface RoundEntries {
  /** The last entry that names the rules that acted. */
  readonly evaluated?: Leaf;
  /** The entry that opened the last round. */
  readonly opened?: Leaf;
  /** What its plan says in a line, as the entry of its making committed to it; absent where that is erased. */
  readonly summary?: string;
}

interface EntryRow {
  readonly request: string;
  readonly is_opening: boolean;
  readonly leaf: string;
  /** The entry of the making of its plan, with what that committed to of the summary; null where that is erased. */
  readonly planned: string | null;
  readonly salt: string;
  readonly body: string;
}

/** Those of several requests, by their ids, each of the request's own run. */
export async function readRoundEntries(
  manager: EntityManager,
  rows: readonly Pick<RequestRow, 'id' | 'run_id'>[],
): Promise<ReadonlyMap<string, RoundEntries>> {
  const found: EntryRow[] = await manager.query(LATEST, [
    rows.map(({ id }) => id),
    rows.map(({ run_id: run }) => run),
  ]);
  const entries = new Map<string, RoundEntries>();
  for (const { request, is_opening: isOpening, leaf, planned, salt, body } of found) {
    const entry = JSON.parse(leaf) as Leaf;
    const known = entries.get(request) ?? {};
    const isLatest = (known.evaluated?.n ?? -1) < entry.n;
    entries.set(request, {
      ...known,
      ...(isOpening ? { opened: entry } : {}),
      ...(isLatest ? { evaluated: entry } : {}),
      ...(planned === null ? {} : summaryOf({ planned, salt, body })),
    });
  }
  return entries;
}

const LATEST = `
  select request, is_opening, leaf, planned, salt, body
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
  ) as summary on is_opening`;

/** What is not what the entry committed to is none. */
function summaryOf({ planned, salt, body }: Record<'planned' | 'salt' | 'body', string>) {
  const { commit } = JSON.parse(planned) as Leaf;
  const summary: unknown = JSON.parse(body);
  return commitment(salt, body) === commit['summary'] && typeof summary === 'string' ? { summary } : {};
}
