import type { EntityManager } from 'typeorm';

import type { Leaf } from '../domain/audit.ts';
import type { RequestRow } from './tables.ts';

/** What the log says of where a request stands: what it was evaluated with last, and what its round is about. */
export interface RoundEntries {
  /** The last entry that names the rules that acted. */
  readonly evaluated?: Leaf;
  /** The entry that opened the last round. */
  readonly opened?: Leaf;
}

/** Those of several requests, by their ids, each of the request's own run. */
export async function readRoundEntries(
  manager: EntityManager,
  rows: readonly Pick<RequestRow, 'id' | 'run_id'>[],
): Promise<ReadonlyMap<string, RoundEntries>> {
  const found: { request: string; is_opening: boolean; leaf: string }[] = await manager.query(
    `select distinct on (request, is_opening) request, is_opening, leaf
     from unnest($1::text[], $2::text[]) as wanted(request, run_id) join audit.entry using (request, run_id),
       lateral (select type <> 'request.denied' as is_opening) kind
     where type in ('request.pending', 'request.allowed')
       or type = 'request.denied' and leaf::jsonb -> 'facts' ? 'matched_rules'
     order by request, is_opening, n desc`,
    [rows.map(({ id }) => id), rows.map(({ run_id: run }) => run)],
  );
  const entries = new Map<string, RoundEntries>();
  for (const { request, is_opening: isOpening, leaf } of found) {
    const entry = JSON.parse(leaf) as Leaf;
    const known = entries.get(request) ?? {};
    const isLatest = (known.evaluated?.n ?? -1) < entry.n;
    entries.set(request, {
      ...known,
      ...(isOpening ? { opened: entry } : {}),
      ...(isLatest ? { evaluated: entry } : {}),
    });
  }
  return entries;
}
