import type { ResourceEffect } from '../../../domain/plan.ts';
import type { TableEffect } from './effect.ts';
import type { Columns, RowImage } from './images.ts';
import { fingerprintOf, project } from './projection.ts';
import { StatementRefused } from './refusal.ts';
import type { WrittenTable } from './written-tables.ts';

/** Two dry runs of one statement, with what its analysis says of where values come from. */
export interface TwoRuns {
  readonly first: readonly TableEffect[];
  readonly second: readonly TableEffect[];
  readonly tables: readonly WrittenTable[];
  readonly callsOwnerFunctions: boolean;
  /** `oid.column` of columns that nobody but the server can set (GENERATED ALWAYS AS IDENTITY). */
  readonly serverColumns: ReadonlySet<string>;
}

/** One table in both runs. */
interface BothRuns {
  readonly first: TableEffect;
  readonly second: TableEffect;
}

/**
 * The effect that both runs share, or null when they differ in more than assigned values: then the data changed in
 * between, or the statement does something else every time. Throws `StatementRefused` when the statement itself makes
 * a value up at run time: nobody could approve that value.
 */
export function sharedEffect(runs: TwoRuns): readonly ResourceEffect[] | null {
  const pairs = pairsOf(runs.first, runs.second);
  if (pairs === null) return null;
  const projections = pairs.map((pair) => {
    const assignedColumns = varyingColumns(pair);
    for (const column of assignedColumns) refuseMadeUpValue(runs, pair.first, column);
    return {
      pair,
      projection: { assignedColumns, isCountsOnly: pair.first.rows === null || pair.second.rows === null },
    };
  });
  const first = projections.map(({ pair, projection }) => project(pair.first, projection));
  const second = projections.map(({ pair, projection }) => project(pair.second, projection));
  return fingerprintOf(first) === fingerprintOf(second) ? first : null;
}

function pairsOf(first: readonly TableEffect[], second: readonly TableEffect[]): readonly BothRuns[] | null {
  if (first.length !== second.length) return null;
  const others = new Map(second.map((table) => [table.oid, table]));
  const pairs = first.flatMap((table) => {
    const other = others.get(table.oid);
    return other === undefined ? [] : [{ first: table, second: other }];
  });
  return pairs.length === first.length ? pairs : null;
}

/** Columns whose new values differ between the runs. */
function varyingColumns({ first, second }: BothRuns): readonly string[] {
  if (first.rows === null || second.rows === null) return [];
  const varying = new Set<string>();
  const others = new Map(second.rows.map((row) => [row.key, row]));
  for (const row of first.rows.filter(isUpdate)) {
    const other = others.get(row.key)?.after ?? {};
    for (const [name, value] of Object.entries(row.after ?? {})) if (other[name] !== value) varying.add(name);
  }
  for (const name of varyingNames(insertedOf(first.rows), insertedOf(second.rows))) varying.add(name);
  return [...varying].sort();
}

function isUpdate(row: RowImage): boolean {
  return row.before !== null && row.after !== null;
}

function insertedOf(rows: readonly RowImage[]): readonly Columns[] {
  return rows.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []));
}

/** New rows have no common key, so columns are compared as bags of values. */
function varyingNames(first: readonly Columns[], second: readonly Columns[]): readonly string[] {
  const names = Object.keys(first[0] ?? {});
  return names.filter((name) => bagOf(first, name) !== bagOf(second, name));
}

function bagOf(rows: readonly Columns[], name: string): string {
  return JSON.stringify(rows.map((row) => JSON.stringify(row[name] ?? null)).sort());
}

function refuseMadeUpValue(runs: TwoRuns, { oid, resource }: TableEffect, column: string): void {
  if (runs.serverColumns.has(`${oid}.${column}`)) return;
  const table = runs.tables.find((candidate) => candidate.oid === oid);
  const isOwners = !runs.callsOwnerFunctions && table?.sources !== 'open';
  const isStatements = table?.sources !== 'open' && table?.sources.get(column) === 'expression';
  if (isOwners && !isStatements) return;
  throw new StatementRefused(
    'not_previewable',
    `${resource}.${column} gets another value every time the statement runs. Only a bare now(), current_timestamp or ` +
      'gen_random_uuid(), a default or a trigger may assign a value at execution.',
  );
}
