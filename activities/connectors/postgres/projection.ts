import { canonicalJson } from '../../../domain/canonical-json.ts';
import { digestOf, type Digest } from '../../../domain/digest.ts';
import type { ResourceEffect, RowEffect } from '../../../domain/plan.ts';
import type { TableEffect } from './effect.ts';
import type { Columns, RowImage } from './images.ts';

/** How one table's effect is shown and digested. */
export interface Projection {
  readonly assignedColumns: readonly string[];
  readonly isCountsOnly: boolean;
}

/**
 * A table's effect as reviewers see it: changed columns only, without those assigned at execution, in an order that
 * depends on nothing but the content. The same effect gives the same value, so its digest can be compared.
 */
export function project(table: TableEffect, projection: Projection): ResourceEffect {
  const { resource, inserted, updated, deleted, rows } = table;
  const isCountsOnly = projection.isCountsOnly || rows === null;
  const assigned = new Set(isCountsOnly ? [] : projection.assignedColumns);
  return {
    resource,
    inserted,
    updated,
    deleted,
    rows: isCountsOnly ? [] : numbered((rows ?? []).map((row) => rowEffect(row, assigned, table.keyColumns))),
    assigned_columns: [...assigned].sort(),
    is_counts_only: isCountsOnly,
  };
}

/** The fingerprint of a plan: SHA-256 over its effects. */
export function fingerprintOf(effects: readonly ResourceEffect[]): Digest {
  return digestOf({ version: 1, effects });
}

interface UnnumberedRow extends Omit<RowEffect, 'key'> {
  /** Null when the row's key is assigned at execution, or the table has none. */
  readonly key: string | null;
}

function rowEffect(
  row: RowImage,
  assigned: ReadonlySet<string>,
  keyColumns: readonly string[],
): UnnumberedRow {
  const isKeyAssigned = row.before === null && keyColumns.some((column) => assigned.has(column));
  const isUpdate = row.before !== null && row.after !== null;
  const isShown = (name: string): boolean => {
    if (assigned.has(name) && row.after !== null) return false;
    return !isUpdate || row.before?.[name] !== row.after?.[name];
  };
  const key = isKeyAssigned ? null : row.key;
  return { key, before: picked(row.before, isShown), after: picked(row.after, isShown) };
}

function picked(columns: Columns | null, isShown: (name: string) => boolean): Columns | null {
  if (columns === null) return null;
  return Object.fromEntries(Object.entries(columns).filter(([name]) => isShown(name)));
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
