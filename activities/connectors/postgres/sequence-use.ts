import type { Client, QueryResultRow } from 'pg';

import { catalogueRows } from './kept-sessions.ts';
import { allAnswers, begin, takeRole, type SessionRequest } from './session.ts';

/** Where each sequence stands that a transaction took values of: how many it has given away; null where it is hidden. */
export type SequencePlaces = ReadonlyMap<string, bigint | null>;

/** What one rehearsal says of sequences. */
export interface SequenceUse {
  readonly places: SequencePlaces;
  /** At most so many rows asked for a value of each sequence. */
  readonly rows: number;
}

/**
 * Where the sequences stand that a session's open transaction has used, whatever made it use them. Queried in a session that
 * keeps its plans, and all at once: the next query of the same session follows it.
 */
export async function readPlaces(
  request: SessionRequest,
  reader: Client,
  processId: number,
): Promise<SequencePlaces> {
  const { observerRole, statementRole } = request.settings;
  // Each sees the places of those that its rights let it see.
  const roles = [...new Set([observerRole ?? statementRole, statementRole])];
  const begun = begin(reader, { isolation: 'read committed' }, request);
  const queries = roles.map((role) => placesAs(role, reader, processId));
  const [, seen] = await allAnswers([begun, Promise.all(queries), reader.query('rollback')]);
  const places = new Map<string, bigint | null>();
  for (const { oid, place } of seen.flat())
    places.set(oid, place === null ? (places.get(oid) ?? null) : BigInt(place));
  return places;
}

async function placesAs(role: string, reader: Client, processId: number): Promise<readonly PlaceRow[]> {
  const [, rows] = await Promise.all([
    takeRole(reader, role),
    catalogueRows<PlaceRow>(reader, PLACES, [processId]),
  ]);
  return rows;
}

interface PlaceRow extends QueryResultRow {
  readonly oid: string;
  readonly place: string | null;
}

/** What takes values of a sequence locks it until the transaction ends, and nothing else does so in this way. */
const PLACES = `
  select sequence.seqrelid::text as oid,
         case when pg_catalog.has_sequence_privilege(sequence.seqrelid, 'select, usage') then
           pg_catalog.trunc(coalesce((pg_catalog.pg_sequence_last_value(sequence.seqrelid)::numeric - sequence.seqstart)
                                     / sequence.seqincrement + 1, 0))::text end as place
    from pg_catalog.pg_locks held
    join pg_catalog.pg_sequence sequence on sequence.seqrelid = held.relation
   where held.pid = $1::int and held.locktype = 'relation' and held.mode = 'RowExclusiveLock'`;

/**
 * How many values equal rehearsals have used up: by where the sequences stood after the first and after the last, so what
 * others took meanwhile is in it; where that is hidden, one a row and sequence.
 */
export function sequenceValuesUsed(runs: readonly SequenceUse[]): number {
  const count = BigInt(runs.length);
  const rows = BigInt(runs.reduce((sum, run) => sum + run.rows, 0));
  const used = [...new Set(runs.flatMap(({ places }) => [...places.keys()]))].map((oid) => {
    const [first, last] = [runs[0]?.places.get(oid) ?? null, runs.at(-1)?.places.get(oid) ?? null];
    if (first === null || last === null || last <= first) return rows;
    return ((last - first) * count + count - 2n) / (count - 1n);
  });
  return Number(used.reduce((sum, values) => sum + values, 0n));
}
