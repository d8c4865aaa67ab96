import { escapeLiteral } from 'pg';

import type { TableEffect } from './images.ts';
import { isSameValue } from './projection.ts';
import type { RowValues, Value } from './raw-rows.ts';
import type { Column } from './table-shape.ts';
import { insertedOf, type RowImage } from './pairing.ts';

/** One table whose changes are to be undone. */
export interface UndoneTable {
  readonly effect: TableEffect;
  /** What statements name: the table itself, or the root of its partitions. */
  readonly resource: string;
  readonly isPartition: boolean;
  /** As `Column.shown` names them. */
  readonly assignedColumns: readonly string[];
  /** Names of columns that updated rows keep, also where new rows are assigned theirs. */
  readonly keptColumns: ReadonlySet<string>;
}

/** Statements that undo the changes, in the orders that come into question. */
export type WayBack = readonly (readonly string[])[];

/**
 * Statements that put every row back, from the images alone, where nothing is in the way. Takes tables with those first that
 * others refer to. In what order rows must come back depends on references and unique values: the orders are to be tried.
 */
export function wayBackOf(parentsFirst: readonly UndoneTable[]): WayBack {
  const inserts = parentsFirst.flatMap(insertsOf);
  const updates = parentsFirst.flatMap((table) =>
    (table.effect.rows ?? []).flatMap((row) => updateOf(table, row)),
  );
  const deletes = [...parentsFirst].reverse().flatMap(deletesOf);
  const orders = [
    [...inserts, ...updates, ...deletes],
    [...deletes, ...updates, ...inserts],
  ];
  const isOneOrder = inserts.length === 0 || deletes.length === 0;
  return isOneOrder && updates.length === 0 ? orders.slice(0, 1) : orders;
}

/** Why the changes of a table cannot be put into statements that undo them, or null. */
export function obstacleIn(effect: TableEffect, assignedColumns: readonly string[]): string | null {
  const { resource, rows, shape } = effect;
  if (rows === null) return `The earlier rows of ${resource} are not recorded.`;
  const keyOf = (row: RowValues | null): RowValues => shape.key.map((place) => row?.[place] ?? null);
  if (rows.some(({ before, after }) => [...(before ?? []), ...keyOf(after)].some(isLong))) {
    return `Values of ${resource} are too long to be recorded.`;
  }
  if (rows.some(({ before }) => before === null) && shape.key.length === 0) {
    return `Nothing tells the new rows of ${resource} apart from others.`;
  }
  // The steps look for what is there afterwards by its key: the execution gives it another one than the rehearsal did.
  const isAssigned = shape.key.some((place) => assignedColumns.includes(shape.columns[place]?.shown ?? ''));
  const isSought = isAssigned && rows.some(({ after }) => after !== null);
  return isSought ? `Rows of ${resource} get their keys when the statement runs.` : null;
}

function isLong(value: Value): boolean {
  return typeof value === 'object' && value !== null;
}

function insertsOf({ effect, resource }: UndoneTable): readonly string[] {
  const gone = (effect.rows ?? []).flatMap(({ before, after }) => (after === null && before ? [before] : []));
  if (gone.length === 0) return [];
  const columns = settableOf(effect);
  const names = columns.map(({ column }) => column.shown).join(', ');
  const overriding = columns.some(({ column }) => column.isIdentityAlways) ? ' overriding system value' : '';
  const rows = gone.map(
    (row) => `(${columns.map(({ column, place }) => literal(row[place] ?? null, column)).join(', ')})`,
  );
  return [`insert into ${resource} (${names})${overriding} values\n  ${rows.join(',\n  ')}`];
}

/** Columns that are not computed from others, with their places. */
function settableOf({ shape }: TableEffect): readonly { readonly column: Column; readonly place: number }[] {
  return shape.columns
    .map((column, place) => ({ column, place }))
    .filter(({ column }) => !column.isGenerated);
}

function updateOf(table: UndoneTable, row: RowImage): string[] {
  const { effect, resource, isPartition, assignedColumns, keptColumns } = table;
  const { before, after } = row;
  if (before === null || after === null) return [];
  const changed = settableOf(effect).filter(
    ({ column, place }) =>
      (assignedColumns.includes(column.shown) && !keptColumns.has(column.name)) ||
      !isSameValue(before[place], after[place]),
  );
  if (changed.length === 0) return [];
  const set = changed.map(
    ({ column, place }) => `${column.shown} = ${literal(before[place] ?? null, column)}`,
  );
  const key = keyOf(effect, after).map(({ shown, value }) => `${shown} = ${value}`);
  return [`update ${onlyOf(resource, isPartition)} set ${set.join(', ')} where ${key.join(' and ')}`];
}

function deletesOf({ effect, resource, isPartition }: UndoneTable): readonly string[] {
  const fresh = insertedOf(effect.rows ?? []);
  if (fresh.length === 0) return [];
  const names = effect.shape.key.flatMap((place) => effect.shape.columns[place]?.shown ?? []).join(', ');
  const keys = fresh.map(
    (row) =>
      `(${keyOf(effect, row)
        .map(({ value }) => value)
        .join(', ')})`,
  );
  return [`delete from ${onlyOf(resource, isPartition)} where (${names}) in (${keys.join(', ')})`];
}

/** Tables that inherit may hold rows with the same key. */
function onlyOf(resource: string, isPartition: boolean): string {
  return isPartition ? resource : `only ${resource}`;
}

function keyOf({ shape }: TableEffect, row: RowValues): readonly { shown: string; value: string }[] {
  const columns = shape.columns.map((column, place) => ({
    shown: column.shown,
    value: literal(row[place] ?? null, column),
  }));
  return shape.key.flatMap((place) => columns[place] ?? []);
}

/** The value's own output text with its type: what can be pasted back. */
function literal(value: Value, column: Column): string {
  return typeof value === 'string' ? `${escapeLiteral(value).trim()}::${column.type}` : 'null';
}
