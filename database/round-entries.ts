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
  for (const [request, summary] of await readSummaries(manager, entries))
    entries.set(request, { ...entries.get(request), summary });
  return entries;
}

/** By request. What is not what the entry committed to is none. */
async function readSummaries(
  manager: EntityManager,
  entries: ReadonlyMap<string, RoundEntries>,
): Promise<readonly (readonly [request: string, summary: string])[]> {
  const opened = [...entries.values()].flatMap((one) => one.opened ?? []);
  const found: { request: string; leaf: string; salt: string; body: string }[] = await manager.query(
    `select request, leaf, salt, body
     from unnest($1::text[], $2::text[], $3::text[]) as wanted(request, run_id, digest)
       join audit.entry using (request, run_id) join audit.payload using (event_id)
     where type = 'request.planned' and part = 'summary' and leaf::jsonb -> 'facts' ->> 'plan_digest' = digest`,
    [
      opened.map(({ stream }) => stream.request),
      opened.map(({ stream }) => stream.run),
      opened.map(({ facts }) => facts['plan_digest'] ?? null),
    ],
  );
  return found.flatMap(({ request, leaf, salt, body }) => {
    const { commit } = JSON.parse(leaf) as Leaf;
    const summary: unknown = JSON.parse(body);
    const isOwn = commitment(salt, body) === commit['summary'] && typeof summary === 'string';
    return isOwn ? [[request, summary] as const] : [];
  });
}
