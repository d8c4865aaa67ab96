import { createHash } from 'node:crypto';

import type { Client, QueryArrayConfig, QueryArrayResult } from 'pg';

import { notPreviewable } from './refusal.ts';

/** A value too long to be kept: told apart from all others by its digest. */
export interface LongValue {
  readonly bytes: number;
  readonly sha256: string;
}

/** A value as its type's own output function prints it; null where it is null. */
export type Value = string | null | LongValue;

/** The values of one row, in the order of the table's columns. */
export type RowValues = readonly Value[];

/** How much one reading of an effect may still take in, over all tables. */
export interface ReadingBudget {
  rows: number;
  characters: number;
}

/** Driver parsers would turn different values into one (`1` and `1.0`, dates): the server's text is taken as it is. */
const AS_TEXT: NonNullable<QueryArrayConfig['types']> = {
  getTypeParser: () => (value: unknown) => value,
} as NonNullable<QueryArrayConfig['types']>;

/** One row of a query, each value as the text that the server sent. */
export type RawRow = readonly (string | null)[];

/** Rows of a query whose values were put in by us, escaped. */
export async function rawRows(client: Client, text: string): Promise<readonly RawRow[]> {
  const results: unknown = await client.query({ text, rowMode: 'array', types: AS_TEXT });
  return [results as QueryArrayResult<(string | null)[]>].flat().at(-1)?.rows ?? [];
}

const BATCH_ROWS = 500;

let cursors = 0;

/**
 * All rows of a query, a batch at a time so that no more than the budget is ever held, or null beyond the budget. What holds
 * the place is closed with the transaction, or with the savepoint of `LOOKED`.
 */
export async function rowsWithin(
  client: Client,
  text: string,
  budget: ReadingBudget,
): Promise<readonly RawRow[] | null> {
  cursors += 1;
  const name = `keyturn_rows_${cursors}`;
  const fetching = `fetch ${BATCH_ROWS} from ${name}`;
  const rows: RawRow[] = [];
  let batch = await rawRows(client, `declare ${name} no scroll cursor for ${text};\n${fetching}`);
  while (batch.length > 0) {
    if (!isTaken(budget, batch)) return null;
    rows.push(...batch);
    if (batch.length < BATCH_ROWS) break;
    batch = await rawRows(client, fetching);
  }
  return rows;
}

function isTaken(budget: ReadingBudget, batch: readonly RawRow[]): boolean {
  budget.rows -= batch.length;
  for (const row of batch) for (const value of row) budget.characters -= value?.length ?? 0;
  return budget.rows >= 0 && budget.characters >= 0;
}

/** The value of one column out of the text form of a row that has only this column. */
export function valueOfRecord(text: string): string | null {
  const inner = text.slice(1, -1);
  if (inner === '') return null;
  if (!inner.startsWith('"')) return inner;
  if (!inner.endsWith('"')) throw notPreviewable('A row of the target cannot be read.');
  return inner.slice(1, -1).replace(/""|\\\\/g, (pair) => pair.charAt(0));
}

/** What stands for a value that is too long to be kept: a digest of the text form of a row that has only this column. */
export function digestOfRecord(value: string): LongValue {
  const isQuoted = value === '' || /["\\(), \t\n\v\f\r]/.test(value);
  const record = `(${isQuoted ? `"${value.replace(/["\\]/g, (sign) => sign + sign)}"` : value})`;
  return {
    bytes: Buffer.byteLength(record),
    sha256: createHash('sha256').update(record).digest('hex'),
  };
}
