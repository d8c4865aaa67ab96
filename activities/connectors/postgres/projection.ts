import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import type { ResourceEffect, RowEffect } from '../../../domain/request/plan.ts';
import type { TableEffect } from './images.ts';
import { madeKind, type Making } from './made-values.ts';
import { digestOfRecord, type RowValues } from './raw-rows.ts';
import type { Column, TableShape } from './table-shape.ts';
import { isUpdate, type RowImage } from './pairing.ts';

/** How one table's effect is shown and digested. */
export interface Projection {
  /** As `Column.shown` names them. */
  readonly assignedColumns: readonly string[];
  /** Names of columns that rows which are there already keep: they are assigned in new rows only. */
  readonly keptColumns?: ReadonlySet<string> | undefined;
  /** `keptText` of rows that left other partitions: a new row of the same kept values has moved here. */
  readonly movedRows?: ReadonlySet<string | null>;
  /** The same of rows that are gone from the table itself: where keys change, or there are none, no image tells what happened to them. */
  readonly renamedRows?: ReadonlySet<string | null>;
  readonly isCountsOnly: boolean;
}

/** An effect with what is bound of the values that are left out of its rows. */
export interface ProjectedEffect extends ResourceEffect {
  readonly made?: readonly string[];
  /** What columns that are left out get their values from, where the statement does not say: it must be the same then. */
  readonly definitions?: readonly string[];
  readonly unbound?: readonly UnboundValue[];
  /** So many of its new rows came from other partitions, where they stand as deleted. */
  readonly moved?: number;
}

/** A column in which triggers or functions may put what nobody has seen. */
export interface UnboundValue {
  readonly text: string;
  /** True when it may be anything at all. */
  readonly isAnything: boolean;
}

/**
 * A table's whole effect: changed columns only, without the values assigned at execution, in an order that depends on
 * nothing but the content. The same effect gives the same value, so its digest can be compared. Null where every row
 * that was written ends as it was.
 */
export function project(table: TableEffect, projection: Projection): ProjectedEffect | null {
  const { rows, shape } = table;
  if (projection.isCountsOnly || rows === null) return countedOnly(table);
  const assigned = new Set(projection.assignedColumns);
  const assignedIn = assignedByRow(assigned, projection, shape);
  const images = rows.map((row) => rowEffect(row, assignedIn(row), table)).filter(isChanged);
  if (images.length === 0) return null;
  return {
    resource: table.resource,
    ...netCounts(images, table.deleted),
    rows: numbered(images),
    columns: shape.columns.map(({ shown }) => shown),
    assigned_columns: [...assigned].sort(),
    is_counts_only: false,
    ...definitionsOf(shape, assigned),
    ...madeOf(table, assigned),
    moved: rows.filter((row) => isKept(row, { projection, shape, gone: projection.movedRows })).length,
  };
}

/** Which columns are assigned in a row: those that an update leaves alone are not in a row that it changes. */
function assignedByRow(
  assigned: ReadonlySet<string>,
  projection: Projection,
  shape: TableShape,
): (row: RowImage) => ReadonlySet<string> {
  const { keptColumns = new Set() } = projection;
  const inUpdates = new Set(
    shape.columns.flatMap(({ name, shown, isGenerated }) =>
      assigned.has(shown) && !isGenerated && !keptColumns.has(name) ? [shown] : [],
    ),
  );
  // What is computed from what is kept is known.
  if (inUpdates.size > 0)
    for (const { shown, isGenerated } of shape.columns)
      if (isGenerated && assigned.has(shown)) inUpdates.add(shown);
  const { movedRows, renamedRows } = projection;
  return (row) => {
    const wasThere = [movedRows, renamedRows].some((gone) => isKept(row, { projection, shape, gone }));
    return isUpdate(row) || wasThere ? inUpdates : assigned;
  };
}

interface Kept {
  readonly projection: Projection;
  readonly shape: TableShape;
  readonly gone: ReadonlySet<string | null> | undefined;
}

/** True for what looks like a new row and has all that one of those that are gone keeps. */
function isKept(
  { before, after }: RowImage,
  { projection: { keptColumns }, shape, gone = new Set() }: Kept,
): boolean {
  if (before !== null || after === null || keptColumns === undefined || gone.size === 0) return false;
  const text = keptText(after, shape, keptColumns);
  return text !== null && gone.has(text);
}

/**
 * The values of a row in these columns, by name: partitions may have theirs in another order. Null where there are none.
 * Without what `tsvector_update_trigger` may set, which counts as no code of the owner.
 */
export function keptText(row: RowValues, { columns }: TableShape, kept: ReadonlySet<string>): string | null {
  const cells = columns.flatMap(({ name, type, isGenerated }, index) =>
    kept.has(name) && !isGenerated && type !== 'tsvector'
      ? [[name, comparable(row[index] ?? null)] as const]
      : [],
  );
  return cells.length === 0 ? null : JSON.stringify(cells.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Long texts by their digest: of those in very long rows nothing else is held. */
function comparable(value: RowValues[number]): JsonValue {
  return typeof value === 'string' && value.length < LONG_TEXT
    ? value
    : ((longForm(value) ?? null) as JsonValue);
}

/** No shorter text is held by its digest alone. */
const LONG_TEXT = 2048;

/** Counted as often as rows were written: no fewer than are changed. */
function countedOnly(table: TableEffect): ResourceEffect {
  const { resource, inserted, updated, deleted } = table;
  const nothing = { rows: [], columns: [], assigned_columns: [] };
  return { resource, inserted, updated, deleted, ...nothing, is_counts_only: true };
}

/** A row that was written and is as it was before is no part of the effect. */
function isChanged({ before, after }: UnnumberedRow): boolean {
  return before === null || after === null || Object.keys({ ...before, ...after }).length > 0;
}

/** Rows by what is left of them, however often they were written. What may have been deleted counts as deleted. */
function netCounts(
  rows: readonly UnnumberedRow[],
  deletions: number,
): Pick<ResourceEffect, 'inserted' | 'updated' | 'deleted'> {
  const gone = rows.filter(({ before }) => before !== null).length;
  const fresh = rows.filter(({ after }) => after !== null).length;
  const both = rows.filter(({ before, after }) => before !== null && after !== null).length;
  const updated = Math.max(both, gone - deletions);
  return { inserted: fresh - updated, updated, deleted: gone - updated };
}

function definitionsOf(
  { columns }: TableShape,
  assigned: ReadonlySet<string>,
): Pick<ProjectedEffect, 'definitions'> {
  const definitions = columns.flatMap(({ shown, definition }) =>
    definition !== null && assigned.has(shown) ? [`${shown} ${definition}`] : [],
  );
  return definitions.length === 0 ? {} : { definitions: definitions.sort() };
}

/**
 * What was made at execution where code of the owner may write any column: by row, with all that is known of it (a key may
 * not be), changed columns and what kind each is.
 */
function madeOf(table: TableEffect, assigned: ReadonlySet<string>): Pick<ProjectedEffect, 'made'> {
  const { rows, shape, making } = table;
  if (making === undefined || assigned.size === 0) return {};
  const made = (rows ?? []).map((row): string => {
    const kinds = madeValues(row, { shape, making }).filter(({ column }) => assigned.has(column.shown));
    const { key, before, after } = rowEffect(row, assigned, table);
    return canonicalJson([
      { key, before, after },
      ...kinds.map(({ column, kind }) => `${column.shown} ${kind}`),
    ]);
  });
  return { made: made.sort() };
}

/** The new values of a row, each with its kind. */
export function madeValues(
  { before, after }: RowImage,
  { shape, making }: { readonly shape: TableShape; readonly making: Making },
): readonly { readonly column: Column; readonly kind: string; readonly value: RowValues[number] }[] {
  return shape.columns.flatMap((column, index) => {
    const value = after?.[index];
    if (value === undefined || (before !== null && isSameValue(before[index], value))) return [];
    return [{ column, kind: madeKind(value, column.name, making), value }];
  });
}

interface UnnumberedRow extends Omit<RowEffect, 'key'> {
  /** Null when the row's key is assigned at execution, or the table has none. */
  readonly key: string | null;
}

/**
 * What an assigned value replaces is shown, so that it is not lost; the new value is not known before. Nothing is never
 * what execution makes: a row that stays without a value says so.
 */
function rowEffect(
  row: RowImage,
  assigned: ReadonlySet<string>,
  { shape, making }: TableEffect,
): UnnumberedRow {
  const { before, after } = row;
  const isKeyAssigned =
    before === null && shape.columns.some(({ isKey, shown }) => isKey && assigned.has(shown));
  const isShown = (column: Column, index: number): boolean =>
    !isUpdate(row) ||
    (making === undefined && assigned.has(column.shown)) ||
    !isSameValue(row.before[index], row.after[index]);
  const isMade = (column: Column, index: number): boolean =>
    assigned.has(column.shown) && (after?.[index] ?? null) !== null;
  return {
    key: isKeyAssigned ? null : row.key,
    before: picked(before, shape, isShown),
    after: picked(after, shape, (column, index) => !isMade(column, index) && isShown(column, index)),
  };
}

/** True for values that are the same text, or both null, however much of them was kept. */
export function isSameValue(
  left: RowValues[number] | undefined,
  right: RowValues[number] | undefined,
): boolean {
  if (left === right) return true;
  const isLong = typeof left === 'object' || typeof right === 'object';
  return isLong && JSON.stringify(longForm(left)) === JSON.stringify(longForm(right));
}

/** A row that grows over the limit keeps only digests also of values that did not change. */
function longForm(value: RowValues[number] | undefined): RowValues[number] | undefined {
  return typeof value === 'string' ? digestOfRecord(value) : value;
}

/** A whole row by the names of its columns. */
export function recordOf(values: RowValues, shape: TableShape): Readonly<Record<string, JsonValue>> {
  return picked(values, shape, () => true) ?? {};
}

function picked(
  values: RowValues | null,
  { columns }: TableShape,
  isShown: (column: Column, index: number) => boolean,
): Readonly<Record<string, JsonValue>> | null {
  if (values === null) return null;
  return Object.fromEntries(
    columns.flatMap((column, index): [string, JsonValue][] =>
      isShown(column, index) ? [[column.shown, (values[index] ?? null) as JsonValue]] : [],
    ),
  );
}

/** Sorts by key (numbers by value), rows without one by content and named by their place in that order. */
function numbered(rows: readonly UnnumberedRow[]): readonly RowEffect[] {
  const sortable = rows.map((row) => ({ row, text: `${sortableKey(row.key)}${canonicalJson(row)}` }));
  sortable.sort((left, right) => (left.text < right.text ? -1 : Number(left.text > right.text)));
  let unknown = 0;
  return sortable.map(({ row }) => {
    if (row.key !== null) return { ...row, key: row.key };
    unknown += 1;
    return { ...row, key: `${row.before === null ? 'new row' : 'row'} ${unknown}` };
  });
}

const DIGITS_MAX = 40;

/** Compared by code units, so that the order is the same on every machine. */
function sortableKey(key: string | null): string {
  if (key === null) return '1';
  return `0${key.replace(/\d+/g, (digits) => digits.padStart(DIGITS_MAX, '0'))}`;
}
