import type { Client, QueryResultRow } from 'pg';

import { observerOf } from './effect.ts';
import { answersTo, question } from './questions.ts';
import { beginningIn, takingRole, type SessionRequest } from './session.ts';

/** Where each sequence stands that a transaction took values of. */
export type SequencePositions = ReadonlyMap<string, SequencePosition>;

interface SequencePosition {
  /** How many values it has given away; null where that is hidden. */
  readonly given: bigint | null;
  /** So many at a time are set apart for a session, which loses what it does not use. */
  readonly cache: bigint;
}

/** What one rehearsal says of sequences. */
export interface SequenceUse {
  readonly positions: SequencePositions;
  /** At most so many rows took a value of each sequence. */
  readonly rows: number;
}

/**
 * Where the sequences stand that a session's open transaction has used, whatever made it use them. Queried in a session that
 * keeps its plans, where an earlier transaction is undone.
 */
export async function readPositions(
  request: SessionRequest,
  reader: Client,
  processId: number,
): Promise<SequencePositions> {
  const { settings } = request;
  // Each role sees the sequences that it has rights on.
  const roles = [...new Set([observerOf(settings), settings.statementRole])];
  const start = beginningIn(reader, { isolation: 'read committed' }, request);
  const questions = roles.map((role, index) => ({
    ...question<PositionRow>(POSITIONS, [processId]),
    after: [...(index === 0 ? start : []), takingRole(role)],
  }));
  const seen = await answersTo(reader, questions, ['rollback']);
  const positions = new Map<string, SequencePosition>();
  for (const { oid, position, cache } of seen.flat()) {
    const given = position === null ? (positions.get(oid)?.given ?? null) : BigInt(position);
    positions.set(oid, { given, cache: BigInt(cache) });
  }
  return positions;
}

interface PositionRow extends QueryResultRow {
  readonly oid: string;
  readonly position: string | null;
  readonly cache: string;
}

/** What takes values of a sequence locks it until the transaction ends, and nothing else does so in this way. */
const POSITIONS = `
  select sequence.seqrelid::text as oid, sequence.seqcache::text as cache,
         case when pg_catalog.has_sequence_privilege(sequence.seqrelid, 'select, usage') then
           pg_catalog.trunc(coalesce((pg_catalog.pg_sequence_last_value(sequence.seqrelid)::numeric - sequence.seqstart)
                                     / sequence.seqincrement + 1, 0))::text end as position
    from pg_catalog.pg_locks held
    join pg_catalog.pg_sequence sequence on sequence.seqrelid = held.relation
   where held.pid = $1::int and held.locktype = 'relation' and held.mode = 'RowExclusiveLock'`;

/**
 * How many values equal rehearsals have used up: by where the sequences stood after the first and after the last, so what
 * others took meanwhile is in it; where that is hidden, or there was one rehearsal, as many as its rows can have taken.
 */
export function sequenceValuesUsed(runs: readonly SequenceUse[]): number {
  const count = BigInt(runs.length);
  const rows = runs.map((run) => BigInt(run.rows));
  const [first, last] = [runs[0]?.positions, runs.at(-1)?.positions];
  const positions = new Map(runs.flatMap((run) => [...run.positions]));
  const used = [...positions].map(([oid, { cache }]) => {
    const [before, after] = [first?.get(oid)?.given ?? null, last?.get(oid)?.given ?? null];
    if (before === null || after === null || after <= before) return setApart(rows, cache);
    return ((after - before) * count + count - 2n) / (count - 1n);
  });
  return Number(sumOf(used));
}

function setApart(rows: readonly bigint[], cache: bigint): bigint {
  return sumOf(rows.map((taken) => ((taken + cache - 1n) / cache) * cache));
}

function sumOf(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}
