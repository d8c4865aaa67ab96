import type { Client, QueryResultRow } from 'pg';

import { rowsOf, takeRole } from './session.ts';
import type { TargetSettings } from './settings.ts';

/** Where each sequence stands that a transaction took values of: how many it has given away; null where it is hidden. */
export type SequencePlaces = ReadonlyMap<string, bigint | null>;

/** What one rehearsal says of sequences. */
export interface SequenceUse {
  readonly places: SequencePlaces;
  /** At most so many rows asked for a value of each sequence. */
  readonly rows: number;
}

/** Where the sequences stand that the writer's open transaction has used, whatever made it use them. */
export async function readPlaces(writer: Client, settings: TargetSettings): Promise<SequencePlaces> {
  const used = await rowsOf<{ oid: string }>(writer, USED);
  const places = new Map<string, bigint | null>(used.map(({ oid }) => [oid, null]));
  const roles = new Set([settings.observerRole ?? settings.statementRole, settings.statementRole]);
  for (const role of roles) {
    const hidden = [...places].flatMap(([oid, place]) => (place === null ? [oid] : []));
    if (hidden.length === 0) break;
    await takeRole(writer, role);
    const rows = await rowsOf<PlaceRow>(writer, PLACES, [hidden]);
    for (const { oid, place } of rows) places.set(oid, place === null ? null : BigInt(place));
  }
  if (places.size > 0) await takeRole(writer, null);
  return places;
}

/** What takes values of a sequence locks it until the transaction ends, and nothing else does so in this way. */
const USED = `
  select sequence.seqrelid::text as oid
    from pg_catalog.pg_locks held
    join pg_catalog.pg_sequence sequence on sequence.seqrelid = held.relation
   where held.pid = pg_catalog.pg_backend_pid() and held.locktype = 'relation' and held.mode = 'RowExclusiveLock'`;

interface PlaceRow extends QueryResultRow {
  readonly oid: string;
  readonly place: string | null;
}

const PLACES = `
  select sequence.seqrelid::text as oid,
         case when pg_catalog.has_sequence_privilege(sequence.seqrelid, 'select, usage') then
           pg_catalog.trunc(coalesce((pg_catalog.pg_sequence_last_value(sequence.seqrelid)::numeric - sequence.seqstart)
                                     / sequence.seqincrement + 1, 0))::text end as place
    from pg_catalog.pg_sequence sequence
   where sequence.seqrelid = any ($1::oid[])`;

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
