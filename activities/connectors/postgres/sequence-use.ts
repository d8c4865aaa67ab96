import type { Client, QueryResultRow } from 'pg';

import { observerOf } from './effect.ts';
import { answersTo, question } from './questions.ts';
import { beginning, ending, takingRole, type SessionRequest } from './session.ts';

/** Where each sequence stands that a transaction took values of: how many it has given away; null where it is hidden. */
export type SequencePositions = ReadonlyMap<string, bigint | null>;

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
  const start = [...ending(reader), ...beginning({ isolation: 'read committed' }, request)];
  const asked = roles.map((role, index) => ({
    ...question<PositionRow>(POSITIONS, [processId]),
    after: [...(index === 0 ? start : []), takingRole(role)],
  }));
  const seen = await answersTo(reader, asked, ['rollback']);
  const positions = new Map<string, bigint | null>();
  for (const { oid, position } of seen.flat())
    positions.set(oid, position === null ? (positions.get(oid) ?? null) : BigInt(position));
  return positions;
}

interface PositionRow extends QueryResultRow {
  readonly oid: string;
  readonly position: string | null;
}

/** What takes values of a sequence locks it until the transaction ends, and nothing else does so in this way. */
const POSITIONS = `
  select sequence.seqrelid::text as oid,
         case when pg_catalog.has_sequence_privilege(sequence.seqrelid, 'select, usage') then
           pg_catalog.trunc(coalesce((pg_catalog.pg_sequence_last_value(sequence.seqrelid)::numeric - sequence.seqstart)
                                     / sequence.seqincrement + 1, 0))::text end as position
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
  const used = [...new Set(runs.flatMap(({ positions }) => [...positions.keys()]))].map((oid) => {
    const [first, last] = [runs[0]?.positions.get(oid) ?? null, runs.at(-1)?.positions.get(oid) ?? null];
    if (first === null || last === null || last <= first) return rows;
    return ((last - first) * count + count - 2n) / (count - 1n);
  });
  return Number(used.reduce((sum, values) => sum + values, 0n));
}
