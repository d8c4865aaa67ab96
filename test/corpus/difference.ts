import type { DatabaseState, TableState, Text } from './state.ts';

/** A row with its columns by name. */
export type Row = ReadonlyMap<string, Text>;

/** How one table's rows ended. */
export interface TableDifference {
  readonly gone: readonly Row[];
  readonly come: readonly Row[];
}

/** Rows that one state has and the other has not, by table; tables that are alike are left out. */
export function differenceOf(
  before: DatabaseState,
  after: DatabaseState,
): ReadonlyMap<string, TableDifference> {
  const names = new Set([...before.tables.keys(), ...after.tables.keys()]);
  const changed = new Map<string, TableDifference>();
  for (const name of names) {
    const difference = tableDifference(
      before.tables.get(name) ?? NO_TABLE,
      after.tables.get(name) ?? NO_TABLE,
    );
    if (difference.gone.length + difference.come.length > 0) changed.set(name, difference);
  }
  return changed;
}

const NO_TABLE: TableState = { columns: [], rows: [] };

function tableDifference(before: TableState, after: TableState): TableDifference {
  const left = new Map<string, { row: Row; count: number }>();
  for (const values of before.rows) add(left, rowOf(before, values), 1);
  const come: Row[] = [];
  for (const values of after.rows) {
    const row = rowOf(after, values);
    const found = left.get(textOf(row));
    if (found === undefined || found.count === 0) come.push(row);
    else found.count -= 1;
  }
  const gone = [...left.values()].flatMap(({ row, count }) => Array.from({ length: count }, () => row));
  return { gone, come };
}

function add(counted: Map<string, { row: Row; count: number }>, row: Row, count: number): void {
  const text = textOf(row);
  counted.set(text, { row, count: (counted.get(text)?.count ?? 0) + count });
}

function rowOf({ columns }: TableState, values: readonly Text[]): Row {
  return new Map(columns.map((name, index) => [name, values[index] ?? null]));
}

/** Different for different rows. */
export function textOf(row: Row): string {
  return JSON.stringify([...row]);
}

/** Every difference between two states, in words; nothing when they are alike. Gaps in sequences are no difference. */
export function differences(before: DatabaseState, after: DatabaseState): readonly string[] {
  const tables = [...differenceOf(before, after)].map(([name, { gone, come }]) => {
    const rows = [...gone.map((row) => `- ${textOf(row)}`), ...come.map((row) => `+ ${textOf(row)}`)];
    return `${name}: ${rows.slice(0, 4).join(' ')}`;
  });
  return before.catalogue === after.catalogue ? tables : [...tables, 'the catalogue changed'];
}
