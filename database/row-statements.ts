import type { EntityManager } from 'typeorm';

import { hasRows } from './rows.ts';
import { requestTable, type RequestRow, type Table } from './tables.ts';

/** A statement with its values. */
export interface RowStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Several statements that write as one: all or none, and none sees what the others write. No two of them may change the
 * same row.
 */
export function combined(statements: readonly RowStatement[]): RowStatement {
  const values: unknown[] = [];
  const texts = statements.map(({ text, values: own }) => {
    const before = values.length;
    values.push(...own);
    return text.replaceAll(/\$(\d+)/g, (_, number: string) => `$${before + Number(number)}`);
  });
  const last = texts.pop() ?? '';
  const named = texts.map((text, index) => `written_${index} as (${text})`);
  return { text: named.length === 0 ? last : `with ${named.join(', ')} ${last}`, values };
}

/**
 * Reads whole rows, for a condition to follow. By the names of the columns: a query that is prepared must not get
 * another answer when a later version adds one.
 */
export function selection({ name, columns }: Table<never>): string {
  return `select ${columns.join(', ')} from ${name}`;
}

/** Stores a row unless it is there. True when it is new. */
export async function insertOnce<Row extends object>(
  manager: EntityManager,
  table: Table<Row>,
  row: Row,
): Promise<boolean> {
  const { text, values } = insertionOnce(table, row);
  return hasRows(manager, text, values);
}

/** The statement that stores a row unless it is there. It answers a row when that is new. */
export function insertionOnce(table: Table<never>, row: object): RowStatement {
  const { text, values } = insertion(table, row);
  return { text: `${text} on conflict do nothing returning 1`, values };
}

/** The statement that stores a row, which must be new. */
export function insertion(table: Table<never>, row: object): RowStatement {
  const values = columnsOf(table, row);
  const parameters = values.map((_, index) => `$${index + 1}`);
  return {
    text: `insert into ${table.name} (${values.map(([column]) => column).join(', ')}) values (${parameters.join(', ')})`,
    values: values.map(([, value]) => value),
  };
}

/** Changes columns of a request. */
export function changeOfRequest(id: string, changed: Partial<RequestRow>): RowStatement {
  const values = columnsOf(requestTable, changed);
  const sets = values.map(([column], index) => `${column} = $${index + 2}`);
  return {
    text: `update ${requestTable.name} set ${sets.join(', ')} where id = $1`,
    values: [id, ...values.map(([, value]) => value)],
  };
}

/** Only names of known columns get into the text. */
function columnsOf(
  { name, columns, json }: Table<never>,
  row: object,
): readonly (readonly [string, unknown])[] {
  return Object.entries(row).map(([column, value]: [string, unknown]) => {
    if (!(columns as readonly string[]).includes(column))
      throw new Error(`The table ${name} has no column ${column}.`);
    return [column, json.includes(column) && value !== null ? JSON.stringify(value) : value];
  });
}
