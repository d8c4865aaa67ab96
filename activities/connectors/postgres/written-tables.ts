import type { Client, QueryResultRow } from 'pg';

import type { ValueSource, WriteOperation, WrittenRelation } from './assignments.ts';
import { COLUMNS, RELATIONS, WRITTEN_TABLES } from './dependencies.sql.ts';
import { catalogueRows } from './kept-sessions.ts';
import { StatementRefused } from './refusal.ts';
import type { Statement } from './statement.ts';

/** A table that the statement may write: by name, as a partition, or by a foreign key's cascade. */
export interface WrittenTable {
  readonly oid: string;
  readonly resource: string;
  readonly operations: readonly WriteOperation[];
  /** False for cascades. */
  readonly isNamed: boolean;
  /** What the statement itself sets. `open` when that cannot be told from its text. */
  readonly sources: ReadonlyMap<string, ValueSource> | 'open';
}

/** A relation that a name of the statement means. */
export interface ResolvedRelation extends QueryResultRow {
  readonly written_schema: string | null;
  readonly written_name: string;
  readonly oid: string;
  readonly schema: string;
}

interface TableRow extends QueryResultRow {
  readonly oid: string;
  readonly roots: readonly string[];
  readonly kind: string;
  readonly resource: string;
  readonly schema: string;
  readonly has_rules: boolean;
}

/** What the names of a statement's relations mean to the session's role. */
export function resolveRelations(client: Client, statement: Statement): Promise<readonly ResolvedRelation[]> {
  return catalogueRows<ResolvedRelation>(client, RELATIONS, [
    statement.relations.map(({ schema }) => schema),
    statement.relations.map(({ name }) => name),
  ]);
}

/** Finds what the statement writes. Throws `StatementRefused` for system catalogues, views, rules, foreign tables. */
export async function readWrites(
  client: Client,
  statement: Statement,
  resolved: readonly ResolvedRelation[],
): Promise<readonly WrittenTable[]> {
  for (const relation of resolved) refuseSystemRelation(relation);
  if (statement.writes.length === 0) return [];
  const roots = [...new Set(statement.writes.map((write) => oidOf(resolved, write)))];
  const [rows, columns] = await Promise.all([
    catalogueRows<TableRow>(client, WRITTEN_TABLES, [roots, ...cascades(statement.writes)]),
    readColumns(client, roots),
  ]);
  for (const row of rows) refuseTableKind(row);
  const targets = statement.writes.map((write) => {
    const oid = oidOf(resolved, write);
    return { oid, write, columns: columns.get(oid) ?? [] };
  });
  return rows.map((row) => tableOf(row, targets));
}

const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set([
  'pg_catalog',
  'information_schema',
  'pg_toast',
  'keyturn',
]);

function refuseSystemRelation({ schema, written_name: name }: ResolvedRelation): void {
  if (!SYSTEM_SCHEMAS.has(schema)) return;
  throw new StatementRefused('not_previewable', `${schema}.${name} is no data of the target.`);
}

function oidOf(resolved: readonly ResolvedRelation[], write: WrittenRelation): string {
  const found = resolved.find(
    (row) => row.written_name === write.name && row.written_schema === write.schema,
  );
  if (found !== undefined) return found.oid;
  throw new StatementRefused('target_error', `The table ${write.name} does not exist or is not visible.`);
}

/** Whether deletes and updates cascade: a cascade that nulls a column is an update, which may cascade further. */
function cascades(writes: readonly WrittenRelation[]): readonly [boolean, boolean] {
  const operations = new Set(writes.flatMap((write) => write.operations));
  return [operations.has('delete'), operations.has('delete') || operations.has('update')];
}

function refuseTableKind(row: TableRow): void {
  if (row.kind === 'r' || row.kind === 'p') {
    if (!row.has_rules) return;
    throw new StatementRefused('not_previewable', `Rules rewrite what is done to ${row.resource}.`);
  }
  throw new StatementRefused(
    'not_previewable',
    `${row.resource} is not a plain table: name the table behind it.`,
  );
}

async function readColumns(client: Client, oids: readonly string[]): Promise<Map<string, string[]>> {
  const byTable = new Map<string, string[]>();
  for (const { oid, name } of await catalogueRows<{ oid: string; name: string }>(client, COLUMNS, [oids])) {
    byTable.set(oid, [...(byTable.get(oid) ?? []), name]);
  }
  return byTable;
}

/** One write of the statement with the table it names and that table's columns. */
interface TargetWrite {
  readonly oid: string;
  readonly write: WrittenRelation;
  readonly columns: readonly string[];
}

function tableOf(row: TableRow, all: readonly TargetWrite[]): WrittenTable {
  const targets = all.filter(({ oid }) => row.roots.includes(oid));
  const operations = new Set(targets.flatMap(({ write }) => write.operations));
  // Where an update changes the partition key, the row moves: deleted here, inserted there.
  const isPart = row.roots.some((root) => root !== row.oid && root !== CASCADE);
  if (isPart && operations.has('update'))
    for (const move of ['insert', 'delete'] as const) operations.add(move);
  if (row.roots.includes(CASCADE))
    for (const cascade of ['update', 'delete'] as const) operations.add(cascade);
  const { oid, resource } = row;
  return {
    oid,
    resource,
    operations: [...operations],
    isNamed: targets.length > 0,
    sources: sourcesOf(targets),
  };
}

/** The root that the catalogue query gives to tables reached by a foreign key. */
const CASCADE = '0';

function sourcesOf(targets: readonly TargetWrite[]): WrittenTable['sources'] {
  if (targets.some(({ write }) => write.isOpen)) return 'open';
  const sources = new Map<string, ValueSource>();
  for (const { write, columns } of targets) {
    const byPosition = write.byPosition.map((source, index) => [columns[index] ?? '', source] as const);
    for (const [name, source] of [...write.byName, ...byPosition]) {
      if (source !== null && sources.get(name) !== 'expression') sources.set(name, source);
    }
  }
  return sources;
}
