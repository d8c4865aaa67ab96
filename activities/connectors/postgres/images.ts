import { escapeLiteral, type Client } from 'pg';

import { noteRowsRead } from './kept-sessions.ts';
import type { Making } from './made-values.ts';
import { paired, type RowImage } from './pairing.ts';
import { rawRows, rowsWithin, valueOfRecord } from './raw-rows.ts';
import type { RawRow, ReadingBudget, RowValues, Value } from './raw-rows.ts';
import { rowsOf } from './session.ts';
import type { Column, TableShape } from './table-shape.ts';

/** How many rows of a table were written, each as often as it was. */
export interface TableCounts {
  readonly oid: string;
  readonly resource: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** What was done to one table: as often as rows were written, and what came of them. */
export interface TableEffect extends TableCounts {
  readonly shape: TableShape;
  readonly rows: readonly RowImage[] | null;
  /** Why the changed rows cannot be shown truthfully. */
  readonly blindness: string | null;
  /** What may have been made up meanwhile; only where code of the target's owner may have set any column. */
  readonly making?: Making;
}

/** What reading the images of one table needs. */
export interface ImageReading {
  /** In the transaction that wrote, as the login role. */
  readonly writer: Client;
  /** In a read-only transaction on the snapshot that the writer exported before it wrote. */
  readonly reader: Client;
  readonly budget: ReadingBudget;
  readonly table: TableCounts;
  readonly shape: TableShape;
  readonly xid: string;
  /** What `NEXT_SHARED_MARK` was when the transaction began. */
  readonly sharedFrom: string;
}

/** A table whose rows are not known. */
export function blindTable(counts: TableCounts, blindness: string): TableEffect {
  return { ...counts, shape: { columns: [], key: [], isFiltered: true }, rows: null, blindness };
}

/**
 * Reads the rows that the writer's transaction changed, before and after. Both transactions see one state, so a row is
 * changed exactly when one of them sees it and the other does not.
 */
export async function readImages(reading: ImageReading): Promise<TableEffect> {
  const { table, shape } = reading;
  if (!shape.columns.every(({ isReadExactly }) => isReadExactly)) return blindTable(table, READ_ALIKE);
  const written = { reading, shape, condition: writtenBy('xmin', reading.xid) };
  const after = table.inserted + table.updated > 0 ? await readRows(reading.writer, written) : [];
  const before = after === null ? null : await readAllBefore(reading, shape, after.length);
  if (after === null || before === null) return blindTable(table, TOO_MUCH);
  const isWhole = isExact(table, before.length, after.length);
  if (!isWhole && (shape.isFiltered || !isWithin(table, before.length, after.length))) {
    return blindTable(table, 'the rows found and the rows counted differ');
  }
  // What was not deleted was updated, however often.
  const updated = Math.max(0, before.length - table.deleted);
  return { ...table, shape, rows: paired({ before, after, shape, updated }), blindness: null };
}

const READ_ALIKE =
  'values of it hold xml, or names of functions or operators, inside of other types, and different ones would read alike';

const TOO_MUCH = 'it changes more than can be read';

function isExact({ inserted, updated, deleted }: TableCounts, before: number, after: number): boolean {
  return after === inserted + updated && before === updated + deleted;
}

/** Writes are counted also where rows are written again, or an exception takes the writes back. */
function isWithin({ inserted, updated, deleted }: TableCounts, before: number, after: number): boolean {
  return after <= inserted + updated && before <= updated + deleted;
}

/** Longer rows are not held whole: of their long values only a digest is. */
const ROW_BYTES_MAX = 64 * 1024;
const VALUE_BYTES_MAX = 8 * 1024;

/** Ids of transactions that began after ours and before its end; no more of them can have passed. */
const LATER_MAX = 1_000_000;

/** Rows of this transaction and its savepoints: their ids follow its own, and nobody else's later rows are visible. */
function writtenBy(column: 'xmin' | 'xmax', xid: string): string {
  const age = `pg_catalog.age(keyturn_row.${column})`;
  return `${age} <= pg_catalog.age(${escapeLiteral(xid)}::xid) and ${age} > -${LATER_MAX}`;
}

/** Several lockers of a row share a mark, which the server numbers apart from transactions: the number of the next one. */
export const NEXT_SHARED_MARK =
  "((pg_catalog.mxid_age('1'::pg_catalog.xid)::bigint + 1 + 4294967296) % 4294967296)::text";

const MARKS = 2n ** 32n;

/**
 * Rows of the state before that the writer does not see any more. One that others had locked as well bears a shared mark,
 * made after the writer began: it is looked for unless each write has its row. That the numbers balance is not enough: a
 * write that an exception took back may hide such a row. Older marks, which may be on every row, are no part of that.
 */
async function readAllBefore(
  reading: ImageReading,
  shape: TableShape,
  after: number,
): Promise<readonly RowValues[] | null> {
  const { table, xid, sharedFrom } = reading;
  if (table.updated + table.deleted === 0) return [];
  const own = await readBefore(reading, shape, writtenBy('xmax', xid));
  if (own === null || isExact(table, own.length, after)) return own;
  const [row] = await rowsOf<{ next: string }>(reading.writer, `select ${NEXT_SHARED_MARK} as next`);
  const made = (BigInt(row?.next ?? sharedFrom) - BigInt(sharedFrom) + MARKS) % MARKS;
  if (made === 0n) return own;
  // Others may go on to lock: the next mark is read again for each row.
  const age = (mark: string): string => `(${mark} - ${sharedFrom} + ${MARKS}) % ${MARKS}`;
  const isShared = `${age('keyturn_row.xmax::text::bigint')} < ${age(`${NEXT_SHARED_MARK}::bigint`)}`;
  return readBefore(reading, shape, `(${writtenBy('xmax', xid)} or ${isShared})`);
}

/**
 * A row that is only locked, or that others have changed since, bears the mark of a change as well, but is still there for
 * the writer. Others may mark further rows at any time, so those that are marked are found once, and first: whether the
 * writer sees one of them does not change any more.
 */
async function readBefore(
  reading: ImageReading,
  shape: TableShape,
  marked: string,
): Promise<readonly RowValues[] | null> {
  const { reader, writer, budget, table } = reading;
  const placesWhere = (condition: string): string =>
    `select keyturn_row.ctid from only ${table.resource} keyturn_row where ${condition}`;
  noteRowsRead(reader);
  // As many marks of others are looked at as rows may be read.
  const within = { ...budget, rows: budget.rows + table.updated + table.deleted };
  const found = await rowsWithin(reader, placesWhere(marked), within);
  if (found === null) return null;
  const places = found.flatMap(([place]) => place ?? []);
  const left = new Set((await rawRows(writer, placesWhere(isAt(places)))).map(([place]) => place));
  const gone = places.filter((place) => !left.has(place));
  return readRows(reader, { reading, shape, condition: isAt(gone) });
}

function isAt(places: readonly string[]): string {
  return `keyturn_row.ctid = any (${placesOf(places)})`;
}

/** The places of rows as a constant. */
export function placesOf(places: readonly string[]): string {
  return `'{${places.map((place) => `"${place}"`).join(',')}}'::pg_catalog.tid[]`;
}

/** Which rows of a table are read. */
export interface RowQuery {
  readonly reading: Pick<ImageReading, 'budget'> & { readonly table: Pick<TableCounts, 'resource'> };
  readonly shape: TableShape;
  /** Over `keyturn_row`. */
  readonly condition: string;
}

/**
 * Rows of a table, null when they are more than can be read. Every value as its type's own output: what casts to text or
 * JSON print may be the same for different values.
 */
export async function readRows(client: Client, query: RowQuery): Promise<readonly RowValues[] | null> {
  const { reading, shape, condition } = query;
  const values = shape.columns.map(({ expression }) => `, case when fitting.fits then ${expression} end`);
  const text = `select case when fitting.fits then null else keyturn_row.ctid end${values.join('')}
    from only ${reading.table.resource} keyturn_row
    cross join lateral (select pg_catalog.octet_length(pg_catalog.textin(pg_catalog.record_out(keyturn_row.*)))
                               <= ${ROW_BYTES_MAX} as fits offset 0) fitting
   where ${condition}`;
  const rows = await rowsWithin(client, text, reading.budget);
  if (rows === null) return null;
  const images: RowValues[] = [];
  for (const [place, ...values] of rows) {
    images.push(place === null || place === undefined ? values : await readLongRow(client, query, place));
  }
  return images;
}

async function readLongRow(client: Client, { reading, shape }: RowQuery, place: string): Promise<RowValues> {
  const cells = shape.columns.map(({ expression }, index) => `(${index}, ${recordOf(expression)})`);
  const rows = await rawRows(
    client,
    `select case when pg_catalog.octet_length(cell.record) <= ${VALUE_BYTES_MAX} then cell.record end,
            pg_catalog.octet_length(cell.record),
            pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(cell.record, 'UTF8')), 'hex')
       from only ${reading.table.resource} keyturn_row
      cross join lateral (values ${cells.join(', ')}) cell(place, record)
      where keyturn_row.ctid = ${escapeLiteral(place)}::pg_catalog.tid
      order by cell.place`,
  );
  return rows.map(longValueOf);
}

function recordOf(expression: Column['expression']): string {
  return `pg_catalog.textin(pg_catalog.record_out(row(${expression})))`;
}

function longValueOf([record, bytes, sha256]: RawRow): Value {
  if (typeof record === 'string') return valueOfRecord(record);
  return { bytes: Number(bytes), sha256: sha256 ?? '' };
}
