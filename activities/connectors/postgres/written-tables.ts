import type { Client, QueryResultRow } from 'pg';

import { type SessionUse } from './kept-sessions.ts';
import { answersTo, question, type Question } from './questions.ts';
import { notPreviewable } from './refusal.ts';
import type { ValueSource } from './value-sources.ts';
import { WRITTEN_TABLES } from './written-tables.sql.ts';
import type { RelationWrite, WriteOperation } from './written-values.ts';

/** A table that the statement may write: by name, as a partition, or by a foreign key's cascade. */
export interface WrittenTable {
  readonly oid: string;
  readonly resource: string;
  readonly operations: readonly WriteOperation[];
  /** False for cascades. */
  readonly isNamed: boolean;
  /** How the statement itself sets columns, by name. What is not in it comes from defaults, triggers or cascades. */
  readonly sources: ReadonlyMap<string, ValueSource>;
  /** Columns that updates set and every insert leaves to their defaults. */
  readonly defaulted: ReadonlySet<string>;
  /** Columns that no update of the statement sets: what is there keeps its value, also where it moves to. */
  readonly kept: ReadonlySet<string>;
  /** Named tables that it belongs to as a partition or child, and itself where it is named. */
  readonly roots: readonly string[];
  /** True when triggers of the target's owner fire there, which may change what the statement set. */
  readonly hasTriggers: boolean;
  /** True when a trigger looks at each new row before it is inserted, and may leave it out. */
  readonly maySkipRows: boolean;
  /** True when the statement, or what it is rewritten to, gives rows defaults of its columns. */
  readonly takesDefaults: boolean;
  /** True when cascades do so. */
  readonly isSetToDefaults: boolean;
}

interface TableRow extends QueryResultRow {
  readonly oid: string;
  readonly roots: readonly string[];
  readonly kind: string;
  readonly resource: string;
  readonly schema: string;
  readonly has_rules: boolean;
  readonly has_triggers: boolean;
  readonly may_skip_rows: boolean;
  readonly is_set_to_defaults: boolean;
  readonly is_partition: boolean;
}

/** Columns of tables ($1) in their order. */
const COLUMNS = `
  select col.attrelid::text as oid, col.attname as name, col.attnum::int as number
    from pg_catalog.pg_attribute col
   where col.attrelid = any ($1::oid[]) and col.attnum > 0 and not col.attisdropped
   order by col.attrelid, col.attnum`;

/** What looks at the effect of a statement does: old rows are read where it updates or deletes. */
export function readerUse(tables: readonly WrittenTable[]): SessionUse {
  const isInserting = tables.every(({ operations }) => operations.every((one) => one === 'insert'));
  return isInserting ? 'catalogue' : 'rows';
}

/** Names of relations ($1). */
const RELATIONS = `
  select schema.nspname as schema, relation.relname as name
    from pg_catalog.pg_class relation
    join pg_catalog.pg_namespace schema on schema.oid = relation.relnamespace
   where relation.oid = any ($1::oid[])`;

interface NameRow extends QueryResultRow {
  readonly schema: string;
  readonly name: string;
}

/** Asks for the names of relations. */
export function relationNames(oids: readonly string[]): Question<NameRow> {
  return question(RELATIONS, [oids]);
}

/** Refuses relations that are no data of the target. */
export function refuseSystemRelations(rows: readonly NameRow[]): void {
  for (const { schema, name } of rows.filter((row) => SYSTEM_SCHEMAS.has(row.schema))) {
    const owner = schema === 'keyturn' ? 'to Keyturn' : 'to the server';
    throw notPreviewable(
      `${schema}.${name} belongs ${owner}, and no rows are returned here. Look it up with a role that only reads, and write ` +
        'what you found.',
    );
  }
}

interface ColumnRow extends QueryResultRow {
  readonly oid: string;
  readonly name: string;
  readonly number: number;
}

/** What the catalogue says of the tables that may be written, and of the columns of those that are written by themselves. */
export type WrittenRows = readonly [tables: readonly TableRow[], columns: readonly ColumnRow[]];

/** Asks for what may be written. */
export function writtenTables(
  writes: readonly Pick<RelationWrite, 'oid' | 'operation'>[],
): readonly [Question<TableRow>, Question<ColumnRow>] {
  const roots = [...new Set(writes.map(({ oid }) => oid))];
  return [question(WRITTEN_TABLES, [roots, ...cascades(writes)]), question(COLUMNS, [roots])];
}

/** As `writesOf`, for writes that views and rules lead to. */
export async function readWrites(
  client: Client,
  writes: readonly RelationWrite[],
): Promise<readonly WrittenTable[]> {
  const [names, ...written] = await answersTo(client, [
    relationNames(writes.map(({ oid }) => oid)),
    ...writtenTables(writes),
  ]);
  refuseSystemRelations(names);
  return writesOf(writes, written);
}

/**
 * Finds what the statement writes, once views and rules are followed. Throws `StatementRefused` for whatever is no table,
 * and for rules that act on what cascades and partitions do.
 */
export function writesOf(
  writes: readonly RelationWrite[],
  [rows, columns]: WrittenRows,
): readonly WrittenTable[] {
  for (const row of rows) refuseTableKind(row);
  const targets = writes.map((write) => {
    const own = columns.filter(({ oid }) => oid === write.oid);
    return { write, columns: new Map(own.map(({ number, name }) => [number, name])) };
  });
  const tables = rows.map((row) => tableOf(row, targets));
  for (const table of tables) refuseRoughTime(table);
  return tables;
}

/**
 * A time in whole seconds or days may be equal in both rehearsals, so it is left out by its expression. Where triggers
 * could have changed it, that would prove nothing.
 */
function refuseRoughTime({ sources, hasTriggers, resource }: WrittenTable): void {
  if (!hasTriggers) return;
  for (const [name, source] of sources) {
    if (source.kind !== 'clock' || !source.isRough || source.text === 'current_date') continue;
    throw notPreviewable(
      `${resource}.${name} gets ${source.text}, and triggers of the table may change it: write now() itself or the value.`,
    );
  }
}

const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set(
  'pg_catalog information_schema pg_toast keyturn'.split(' '),
);

/** Whether deletes and updates cascade: a cascade that nulls a column is an update, which may cascade further. */
function cascades(writes: readonly Pick<RelationWrite, 'operation'>[]): readonly [boolean, boolean] {
  const operations = new Set(writes.map(({ operation }) => operation));
  return [operations.has('delete'), operations.has('delete') || operations.has('update')];
}

function refuseTableKind(row: TableRow): void {
  if (row.kind === 'r' || row.kind === 'p') {
    // Rules of tables that are written by themselves have been followed.
    if (!row.has_rules || (row.roots.includes(row.oid) && !row.roots.includes(CASCADE))) return;
    throw notPreviewable(
      `Rules rewrite what cascades or partitions do to ${row.resource}: change its own rows first, by its name.`,
    );
  }
  throw notPreviewable(`${row.resource} is not a plain table: name the table behind it.`);
}

/** One write of the statement with the columns of the table it names. */
interface TargetWrite {
  readonly write: RelationWrite;
  readonly columns: ReadonlyMap<number, string>;
}

function tableOf(row: TableRow, all: readonly TargetWrite[]): WrittenTable {
  const targets = all.filter(({ write }) => row.roots.includes(write.oid));
  const operations = new Set(targets.map(({ write }) => write.operation));
  // Where an update changes the partition key, the row moves: deleted here, inserted there.
  const isPart = row.roots.some((root) => root !== row.oid && root !== CASCADE);
  if (isPart && operations.has('update'))
    for (const move of ['insert', 'delete'] as const) operations.add(move);
  if (row.roots.includes(CASCADE))
    for (const cascade of ['update', 'delete'] as const) operations.add(cascade);
  // A key that a cascade changes may move the row to another partition.
  if (row.roots.includes(CASCADE) && row.is_partition) operations.add('insert');
  const { oid, resource } = row;
  const inserts = targets.filter(({ write }) => write.operation === 'insert');
  if (inserts.length > 1 && inserts.some(({ write }) => write.isTied))
    throw notPreviewable(`Rows of ${resource} ${TIED_TO_ONE_OF_SEVERAL}`);
  const columns = sourcesOf(targets);
  return {
    oid,
    resource,
    operations: [...operations],
    isNamed: targets.length > 0,
    roots: row.roots.filter((root) => root !== CASCADE),
    ...columns,
    hasTriggers: row.has_triggers,
    maySkipRows: row.may_skip_rows,
    takesDefaults: targets.some(({ write }) => takesDefaults(write)),
    isSetToDefaults: row.is_set_to_defaults,
  };
}

function takesDefaults({ operation, sources }: RelationWrite): boolean {
  return operation === 'insert' || [...sources.values()].some(({ kind }) => kind === 'default');
}

/** The root that the catalogue query gives to tables reached by a foreign key. */
const CASCADE = '0';

const TIED_TO_ONE_OF_SEVERAL =
  'are inserted by several parts of the statement, and others get the new key or UUID of one of them: nobody could see ' +
  'which row they belong to. Insert rows that others belong to in statements of their own.';

/** By name, because partitions and children may have their columns in another order. */
function sourcesOf(targets: readonly TargetWrite[]): Pick<WrittenTable, 'sources' | 'defaulted' | 'kept'> {
  const byName = targets.map(({ write, columns }) => ({
    operation: write.operation,
    sources: new Map([...write.sources].map(([number, source]) => [columns.get(number) ?? '', source])),
  }));
  const sources = new Map<string, ValueSource>();
  const defaulted = new Set<string>();
  for (const name of new Set(byName.flatMap((write) => [...write.sources.keys()]))) {
    const [inserted, updated] = (['insert', 'update'] as const).map((operation) => {
      const writes = byName.filter((write) => write.operation === operation);
      return sourceIn(writes.map((write) => write.sources.get(name) ?? null));
    });
    if (inserted === undefined && updated !== undefined) defaulted.add(name);
    const found =
      inserted !== undefined && updated !== undefined ? joined(inserted, updated) : (inserted ?? updated);
    if (found !== undefined) sources.set(name, found);
  }
  const updates = byName.filter(({ operation }) => operation === 'update');
  const isSet = (name: string): boolean => updates.some((write) => write.sources.has(name));
  const names = targets.flatMap(({ columns }) => [...columns.values()]);
  return { sources, defaulted, kept: new Set(names.filter((name) => !isSet(name))) };
}

/** What writes of one kind have in common; null stands for one that leaves the column alone. */
function sourceIn(sources: readonly (ValueSource | null)[]): ValueSource | undefined {
  const set = sources.flatMap((source) => (source === null ? [] : [source]));
  if (set.length === 0) return undefined;
  const isSame =
    set.length === sources.length &&
    set.every(({ kind, key }) => kind === set[0]?.kind && key === set[0].key);
  const common = set.reduce(joined);
  return isSame ? common : { ...common, isMixed: true };
}

/** Several writes of one column are only proven alike. */
function joined(left: ValueSource, right: ValueSource): ValueSource {
  const isMixed = left.isMixed || right.isMixed;
  if (left.kind !== right.kind) return { kind: 'expression', key: '', isMixed };
  if ('text' in left && 'text' in right && left.text !== right.text) {
    const text = `${left.text} or ${right.text}`;
    return { ...left, text, isRough: left.isRough || right.isRough, isMixed };
  }
  return { ...left, isMixed };
}
