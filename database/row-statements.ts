import type { EntityManager, EntitySchema } from 'typeorm';

import { hasRows, rows } from './rows.ts';

/** A statement with its values. */
interface RowStatement {
  readonly text: string;
  readonly values: unknown[];
}

/**
 * Reads whole rows, for a condition to follow. By the names of the columns: a query that is prepared must not get
 * another answer when a later version adds one.
 */
export function selection<Row>(table: EntitySchema<Row>): string {
  const columns = Object.keys(table.options.columns).map((name) => columnOf(table, name).quoted);
  return `select ${columns.join(', ')} from ${tableName(table)}`;
}

/** Stores a row, which must be new. */
export async function insertRow<Row extends object>(
  manager: EntityManager,
  table: EntitySchema<Row>,
  row: Row,
): Promise<void> {
  const { text, values } = insertion(table, row);
  await rows(manager, text, values);
}

/** Stores a row unless it is there. True when it is new. */
export async function insertOnce<Row extends object>(
  manager: EntityManager,
  table: EntitySchema<Row>,
  row: Row,
): Promise<boolean> {
  const { text, values } = insertion(table, row);
  return hasRows(manager, `${text} on conflict do nothing returning 1`, values);
}

/**
 * Written out here because building it anew costs a query builder more than the database needs to execute it, and steps
 * do little else.
 */
function insertion<Row extends object>(table: EntitySchema<Row>, row: Row): RowStatement {
  const names = Object.keys(row);
  const columns = names.map((name) => columnOf(table, name).quoted).join(', ');
  const parameters = names.map((_, index) => `$${index + 1}`).join(', ');
  return {
    text: `insert into ${tableName(table)} (${columns}) values (${parameters})`,
    values: valuesOf(table, row),
  };
}

/** Changes the columns of one row, found by its id. */
export function change<Row extends { id: string }>(
  table: EntitySchema<Row>,
  id: string,
  columns: Partial<Row>,
): RowStatement {
  const sets = Object.keys(columns).map((name, index) => `${columnOf(table, name).quoted} = $${index + 2}`);
  return {
    text: `update ${tableName(table)} set ${sets.join(', ')} where id = $1`,
    values: [id, ...valuesOf(table, columns)],
  };
}

function tableName<Row>({ options }: EntitySchema<Row>): string {
  return `${options.schema ?? 'keyturn'}.${options.name}`;
}

function valuesOf<Row>(table: EntitySchema<Row>, row: object): unknown[] {
  return Object.entries(row).map(([name, value]: [string, unknown]) =>
    columnOf(table, name).type === 'jsonb' && value !== null ? JSON.stringify(value) : value,
  );
}

/** Only names of mapped columns get into the text. */
function columnOf<Row>({ options }: EntitySchema<Row>, name: string): { quoted: string; type: unknown } {
  const columns: Readonly<Record<string, { readonly type: unknown } | undefined>> = options.columns;
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (column === undefined) throw new Error(`The table ${options.name} has no column ${name}.`);
  return { quoted: `"${name}"`, type: column.type };
}
