import type { Effect, EffectRowView } from './view.ts';

/** A value as the target prints it, what stands for one that is too long, or none. */
export type Value =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'long'; readonly bytes: number; readonly sha256: string }
  /** Given by the target when the action runs. */
  | { readonly kind: 'assigned' };

/** One column of one changed row. `before` and `after` are both there where a value is replaced. */
export interface Cell {
  readonly column: string;
  readonly before?: Value;
  readonly after?: Value;
}

export interface EffectRow {
  readonly key: string;
  readonly mark: 'inserted' | 'updated' | 'deleted';
  /** In the order of the columns; null where the plan says nothing of the column. */
  readonly cells: readonly (Cell | null)[];
}

/** What happens to one table, as rows and columns. */
export interface EffectTable {
  readonly columns: readonly string[];
  readonly rows: readonly EffectRow[];
}

/** Changed rows as a table: the columns that change, in the order of the target, those filled in when it runs last. */
export function effectTable(effect: Effect): EffectTable {
  const columns = columnsOf(effect);
  return { columns, rows: effect.rows.map((row) => rowOf(row, columns, effect)) };
}

function columnsOf({ rows, columns = [], assigned_columns: assigned }: Effect): readonly string[] {
  const named = new Set(
    rows.flatMap(({ before, after }) => [...Object.keys(before ?? {}), ...Object.keys(after ?? {})]),
  );
  if (rows.some(({ after }) => after !== null)) for (const column of assigned) named.add(column);
  const rank = (column: string): number => {
    const found = columns.indexOf(column);
    return (found === -1 ? columns.length : found) + (assigned.includes(column) ? columns.length + 1 : 0);
  };
  return [...named].sort((left, right) => rank(left) - rank(right));
}

function rowOf(row: EffectRowView, columns: readonly string[], effect: Effect): EffectRow {
  const mark = row.before === null ? 'inserted' : row.after === null ? 'deleted' : 'updated';
  return { key: row.key, mark, cells: columns.map((column) => cellOf(row, column, effect)) };
}

function cellOf(
  { before, after }: EffectRowView,
  column: string,
  { assigned_columns: assigned }: Effect,
): Cell | null {
  const cell = {
    column,
    ...(before !== null && column in before ? { before: valueOf(before[column]) } : {}),
    ...(after !== null && column in after ? { after: valueOf(after[column]) } : {}),
  };
  if (after !== null && !('after' in cell) && assigned.includes(column))
    return { ...cell, after: { kind: 'assigned' } };
  return 'before' in cell || 'after' in cell ? cell : null;
}

function valueOf(value: unknown): Value {
  if (value === null || value === undefined) return { kind: 'null' };
  if (typeof value === 'string') return { kind: 'text', text: value };
  const { bytes, sha256 } = value as { readonly bytes?: unknown; readonly sha256?: unknown };
  if (typeof bytes === 'number' && typeof sha256 === 'string') return { kind: 'long', bytes, sha256 };
  return { kind: 'text', text: JSON.stringify(value) };
}

/** What happens to the table in numbers: `3 updated`, `379 of 1,000 rows deleted`. */
export function effectCounts(effect: Effect): readonly Count[] {
  const isMove = effect.is_move === true;
  const counts = [
    { mark: 'inserted', count: effect.inserted, word: isMove ? 'moved in' : 'inserted' },
    { mark: 'updated', count: effect.updated, word: 'updated' },
    { mark: 'deleted', count: effect.deleted, word: isMove ? 'moved out' : 'deleted' },
  ] as const;
  return counts.filter(({ count }) => count > 0);
}

export interface Count {
  readonly mark: EffectRow['mark'];
  readonly count: number;
  readonly word: string;
}

/** How much of the table changes, from 0 to 1; null where it is not known. */
export function shareOfTable({ rows_before: rows, updated, deleted }: Effect): number | null {
  return rows === undefined || rows <= 0 ? null : Math.min(1, (updated + deleted) / rows);
}

/** How many rows change in all tables. */
export function changedRows(effects: readonly Pick<Effect, 'changed'>[]): number {
  return effects.reduce((sum, { changed }) => sum + changed, 0);
}
