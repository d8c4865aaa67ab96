import type { QueryResultRow } from 'pg';

import type { Analysis } from './analysis.ts';
import { blindTable, readImages, type ImageReading, type TableCounts, type TableEffect } from './images.ts';
import { noteOwnersCode } from './kept-sessions.ts';
import { MAKING_TIME, makingTimeOf, type MakingTime } from './made-values.ts';
import { answersTo, question } from './questions.ts';
import { notPreviewable } from './refusal.ts';
import { LOOKING, settingLocally, takingRole, type SessionRequest } from './session.ts';
import type { TargetSettings } from './settings.ts';
import { shapeIn, shapeOf, type TableShape } from './table-shape.ts';
import { triggersOf, type TriggerRow } from './triggers.ts';
import type { WrittenTable } from './written-tables.ts';

/** What reading an effect needs. */
export interface EffectReading
  extends
    Pick<SessionRequest, 'settings' | 'limits'>,
    Pick<ImageReading, 'writer' | 'reader' | 'sharedFrom'> {
  readonly analysis: Pick<Analysis, 'setsOffOwnerCode'>;
  /** `COUNTED_BEFORE` of the transaction. */
  readonly countedBefore: string;
  /** Resources whose rows need not be read. */
  readonly countsOnly: ReadonlySet<string>;
}

/**
 * What the server counted in this session and has not reported yet, by table: earlier transactions stand in it. The
 * functions behind `pg_stat_xact_all_tables`, without the time that planning that view takes.
 */
const COUNTED = `
  select relation.oid, relation.relname, relation.relnamespace,
         pg_catalog.pg_stat_get_xact_tuples_inserted(relation.oid) as inserted,
         pg_catalog.pg_stat_get_xact_tuples_updated(relation.oid) as updated,
         pg_catalog.pg_stat_get_xact_tuples_deleted(relation.oid) as deleted
    from pg_catalog.pg_class relation
   where relation.relkind in ('r', 'p', 'm', 't')
  offset 0`;

/** An expression: the counts at the beginning of a transaction, for `readCounts`. The server reports none while one is open. */
export const COUNTED_BEFORE = `
  (select coalesce(pg_catalog.jsonb_object_agg(oid, array[inserted, updated, deleted]), '{}')::text
     from (${COUNTED}) counted where inserted + updated + deleted > 0)`;

/** Rows changed by this transaction, triggers and cascades included. The ledger is ours and not part of the effect. */
const COUNTS = `
  select changed.oid::text as oid, format('%I.%I', schema.nspname, changed.relname) as resource,
         schema.nspname in ('pg_catalog', 'information_schema') as is_catalogue,
         changed.inserted::float8 as inserted, changed.updated::float8 as updated, changed.deleted::float8 as deleted,
         pg_catalog.pg_relation_size(changed.oid)::float8 as bytes,
         pg_catalog.current_setting('server_encoding') as encoding,
         pg_catalog.has_schema_privilege($1, schema.oid, 'usage')
           and pg_catalog.has_table_privilege($1, changed.oid, 'select') as is_readable,
         pg_catalog.pg_current_xact_id_if_assigned()::xid::text as xid
    from (select oid, relname, relnamespace,
                 inserted - coalesce(($2::jsonb #>> array[oid::text, '0'])::bigint, 0) as inserted,
                 updated - coalesce(($2::jsonb #>> array[oid::text, '1'])::bigint, 0) as updated,
                 deleted - coalesce(($2::jsonb #>> array[oid::text, '2'])::bigint, 0) as deleted
            from (${COUNTED}) counted
           where inserted + updated + deleted > 0) changed
    join pg_catalog.pg_namespace schema on schema.oid = changed.relnamespace
   where changed.inserted + changed.updated + changed.deleted > 0
     and schema.nspname !~ '^pg_toast'
     and changed.oid is distinct from pg_catalog.to_regclass('keyturn.execution')
   order by resource`;

/** What the server counted for one table. */
export interface CountRow extends QueryResultRow, TableCounts {
  readonly is_catalogue: boolean;
  readonly bytes: number;
  readonly encoding: string;
  readonly is_readable: boolean;
  readonly xid: string | null;
}

/**
 * Rows changed by the open transaction of the writer so far, by table, and its time. Then nothing can be written there any
 * more until it has `LOOKED`: policies of a table call whatever functions they like, as the observer and in the transaction
 * that will commit.
 */
export async function readCounts(
  { writer, countedBefore }: Pick<EffectReading, 'writer' | 'countedBefore'>,
  settings: TargetSettings,
): Promise<{ readonly counts: readonly CountRow[]; readonly time: MakingTime }> {
  const questions = [question<CountRow>(COUNTS, [observerOf(settings), countedBefore]), MAKING_TIME] as const;
  const [counts, time] = await answersTo(writer, questions, [...LOOKING, ...asObserver(settings)]);
  if (!counts.some((row) => row.is_catalogue)) return { counts, time: makingTimeOf(time) };
  throw notPreviewable('A trigger or function changes the structure of the target itself.');
}

/** Statements after which the observer acts, and values are printed in one way. */
function asObserver(settings: TargetSettings): readonly string[] {
  return [settingLocally(READING), takingRole(observerOf(settings))];
}

/** Who reads rows: the statement's own role where there is no other. */
export function observerOf(settings: TargetSettings): string {
  return settings.observerRole ?? settings.statementRole;
}

/** Reads what the writer has done to the rows of the counted tables, once `refuse` had nothing against their triggers. */
export async function readEffect(
  reading: EffectReading,
  counts: readonly CountRow[],
  refuse: (triggers: readonly TriggerRow[]) => void,
): Promise<readonly TableEffect[]> {
  const tables = counts.map((row) => ({ row, blindness: blindnessOf(reading, row) }));
  const shown = tables.flatMap(({ row, blindness }) => (blindness === null ? [row] : []));
  const shapes = await readShapes(reading, { counts, shown, refuse });
  // Nobody has looked at the policies of tables that only such code writes to.
  const isFiltered = [...shapes.values()].some((shape) => shape.isFiltered);
  if (isFiltered && reading.analysis.setsOffOwnerCode) noteOwnersCode(reading.reader);
  const { readRowsMax, readCharactersMax } = reading.limits;
  const budget = { rows: readRowsMax, characters: readCharactersMax };
  const effects: TableEffect[] = [];
  for (const { row, blindness } of tables) {
    const { oid, resource, inserted, updated, deleted } = row;
    const table: TableCounts = { oid, resource, inserted, updated, deleted };
    const shape = shapes.get(row);
    effects.push(
      shape === undefined
        ? blindTable(table, blindness ?? '')
        : await readImages({ ...reading, budget, table, shape, xid: row.xid ?? '0' }),
    );
  }
  return effects;
}

/**
 * By the observer, what tables look like whose rows are read. Functions that the owner vouches for may write to tables
 * nobody foresaw, with triggers nobody vouches for. Looked up by the reader, which keeps its plans: the writer has not
 * changed the catalogue.
 */
async function readShapes(
  { reader, settings }: EffectReading,
  found: {
    readonly counts: readonly CountRow[];
    readonly shown: readonly CountRow[];
    readonly refuse: (triggers: readonly TriggerRow[]) => void;
  },
): Promise<ReadonlyMap<CountRow, TableShape>> {
  const { counts, shown, refuse } = found;
  if (counts.length === 0) return new Map();
  const [triggers, ...shapes] = await answersTo(reader, [
    triggersOf(counts.map(writtenBy)),
    ...shown.map(({ oid }, index) => ({ ...shapeOf(oid), after: index === 0 ? asObserver(settings) : [] })),
  ]);
  refuse(triggers);
  return new Map(shown.map((row, index) => [row, shapeIn(shapes[index] ?? [])]));
}

function writtenBy({ oid, inserted, updated, deleted }: CountRow): Pick<WrittenTable, 'oid' | 'operations'> {
  return {
    oid,
    operations: [
      ...(inserted === 0 ? [] : (['insert'] as const)),
      ...(updated === 0 ? [] : (['update'] as const)),
      ...(deleted === 0 ? [] : (['delete'] as const)),
    ],
  };
}

/**
 * One way of printing values, whatever the sessions of the target are set to: every setting that the output of a type
 * looks at. `lc_monetary` says where the point of money stands, `search_path` which names need a schema.
 */
export const READING = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'iso_8601',
  bytea_output: 'hex',
  extra_float_digits: '1',
  lc_monetary: 'C',
  quote_all_identifiers: 'off',
  search_path: 'pg_catalog',
};

function blindnessOf(reading: EffectReading, row: CountRow): string | null {
  const { readRowsMax, scannedBytesMax } = reading.limits;
  const rows = row.updated + Math.max(row.inserted, row.deleted);
  if (reading.countsOnly.has(row.resource)) return 'only its counts were approved';
  if (!row.is_readable) return 'the observer role may not read it';
  // Its text is whatever bytes were put in, and different bytes could arrive here as the same characters.
  if (row.encoding === 'SQL_ASCII') return 'the database does not say how its text is encoded (SQL_ASCII)';
  if (rows > readRowsMax) return `more than ${readRowsMax} rows change`;
  return row.bytes > scannedBytesMax ? 'it is too large to look through' : null;
}
