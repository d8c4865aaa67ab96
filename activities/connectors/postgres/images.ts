import type { Client, QueryResultRow } from 'pg';

import { catalogueRows, noteRowsRead } from './kept-sessions.ts';
import { rowsOf } from './session.ts';
import type { PostgresLimits, TargetSettings } from './settings.ts';

/** Values of one row as the target prints them. */
export type Columns = Readonly<Record<string, string | null>>;

/** One changed row, whole. `key` is null where the table has none. */
export interface RowImage {
  readonly key: string | null;
  readonly before: Columns | null;
  readonly after: Columns | null;
}

/** How many rows of a table changed. */
export interface TableCounts {
  readonly oid: string;
  readonly resource: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** The changed rows, or why they cannot be shown truthfully. */
export interface ReadRows {
  readonly keyColumns: readonly string[];
  readonly rows: readonly RowImage[] | null;
  readonly blindness: string | null;
}

/** What reading the images of one table needs. */
export interface ImageReading {
  readonly writer: Client;
  readonly reader: Client;
  readonly settings: TargetSettings;
  readonly limits: PostgresLimits;
  readonly table: TableCounts;
  readonly xid: string;
}

/** Reads the rows that the writer's transaction changed, before and after, and checks them against the counts. */
export async function readImages(reading: ImageReading): Promise<ReadRows> {
  const { updated, inserted, deleted, oid } = reading.table;
  const keyColumns = await readKeyColumns(reading.reader, oid);
  if (updated > 0 && keyColumns.length === 0) return blind('it has no key that tells its rows apart');
  const after = inserted + updated > 0 ? await readAfter(reading) : [];
  const before = updated + deleted > 0 ? await readBefore(reading) : [];
  if (after === null || before === null) return blind('its rows are too long to show');
  // Rows written under a savepoint, written twice, hidden by a policy or locked by others do not come out as images.
  if (after.length !== inserted + updated || before.length !== updated + deleted) {
    return blind('the rows found and the rows counted differ');
  }
  if ([...before, ...after].some(hasForbiddenName))
    return blind('it has columns whose names cannot be recorded');
  return { keyColumns, rows: paired({ before, after, keyColumns }), blindness: null };
}

function blind(blindness: string): ReadRows {
  return { keyColumns: [], rows: null, blindness };
}

const KEY_COLUMNS = `
  select col.attname as name
    from (select candidate.indkey, candidate.indnkeyatts
            from pg_catalog.pg_index candidate
           where candidate.indrelid = $1::oid and candidate.indisunique and candidate.indisvalid
             and candidate.indpred is null and candidate.indexprs is null
             and not exists (select from unnest(candidate.indkey[0:candidate.indnkeyatts - 1]) part
                              join pg_catalog.pg_attribute col on col.attrelid = $1::oid and col.attnum = part
                             where not col.attnotnull)
           order by candidate.indisprimary desc, candidate.indexrelid
           limit 1) chosen
    cross join lateral unnest(chosen.indkey[0:chosen.indnkeyatts - 1]) with ordinality part(attnum, place)
    join pg_catalog.pg_attribute col on col.attrelid = $1::oid and col.attnum = part.attnum
   order by part.place`;

async function readKeyColumns(client: Client, oid: string): Promise<readonly string[]> {
  const rows = await catalogueRows<{ name: string }>(client, KEY_COLUMNS, [oid]);
  return rows.map(({ name }) => name);
}

/** Every value as text, so that no digits are lost on the way. Too long a row comes as null. */
function imagesOf(resource: string, condition: string): string {
  return `
    select case when octet_length(body) <= $3::int then body end as body
      from (select (select pg_catalog.jsonb_object_agg(key, value)
                      from pg_catalog.jsonb_each_text(pg_catalog.to_jsonb(keyturn_row.*)))::text as body
              from only ${resource} keyturn_row
             where ${condition}
             limit $2::int) images`;
}

interface ImageRow extends QueryResultRow {
  readonly body: string | null;
}

const ROW_BYTES_MAX = 64 * 1024;

async function readAfter(reading: ImageReading): Promise<readonly Columns[] | null> {
  const text = imagesOf(reading.table.resource, 'keyturn_row.xmin = $1::xid');
  const limit = reading.table.inserted + reading.table.updated + 1;
  return columnsOf(
    await rowsOf<ImageRow>(reading.writer, text, [reading.xid, limit, ROW_BYTES_MAX]),
    reading.limits,
  );
}

/**
 * Rows of the state before that the writer's transaction ended. Locks (FOR UPDATE, foreign-key checks) leave the same
 * mark, but a row that is only locked is still there for the writer.
 */
async function readBefore(reading: ImageReading): Promise<readonly Columns[] | null> {
  const { resource, updated, deleted } = reading.table;
  const locked = await rowsOf<{ place: string }>(
    reading.writer,
    `select ctid::text as place from only ${resource} keyturn_row where keyturn_row.xmax = $1::xid limit $2::int`,
    [reading.xid, reading.settings.rowLimit + 1],
  );
  const text = imagesOf(resource, 'keyturn_row.xmax = $1::xid and keyturn_row.ctid <> all ($4::tid[])');
  const places = locked.map(({ place }) => place);
  noteRowsRead(reading.reader);
  const values = [reading.xid, updated + deleted + 1, ROW_BYTES_MAX, places];
  return columnsOf(await rowsOf<ImageRow>(reading.reader, text, values), reading.limits);
}

function columnsOf(rows: readonly ImageRow[], limits: PostgresLimits): readonly Columns[] | null {
  const bodies = rows.flatMap(({ body }) => (body === null ? [] : [body]));
  const characters = bodies.reduce((sum, body) => sum + body.length, 0);
  if (bodies.length < rows.length || characters > limits.imageCharactersMax) return null;
  return bodies.map((body) => JSON.parse(body) as Columns);
}

/** Names that canonical JSON refuses. */
const FORBIDDEN_NAMES = ['__proto__', 'constructor', 'prototype'] as const;

function hasForbiddenName(row: Columns): boolean {
  return FORBIDDEN_NAMES.some((name) => Object.hasOwn(row, name));
}

interface Unpaired {
  readonly before: readonly Columns[];
  readonly after: readonly Columns[];
  readonly keyColumns: readonly string[];
}

/** Pairs both images of a row by its key. A changed key comes out as one row gone and another one new. */
function paired({ before, after, keyColumns }: Unpaired): readonly RowImage[] {
  if (keyColumns.length === 0) {
    const gone = before.map((row) => ({ key: null, before: row, after: null }));
    return [...gone, ...after.map((row) => ({ key: null, before: null, after: row }))];
  }
  const images = new Map<string, RowImage>();
  for (const row of before)
    images.set(keyOf(row, keyColumns), { key: keyOf(row, keyColumns), before: row, after: null });
  for (const row of after) {
    const key = keyOf(row, keyColumns);
    images.set(key, { key, before: images.get(key)?.before ?? null, after: row });
  }
  return [...images.values()];
}

/** `id=7` or `order_id=7, line="a b"`: readable, and different for different rows. */
function keyOf(row: Columns, keyColumns: readonly string[]): string {
  return keyColumns.map((name) => `${name}=${keyText(row[name] ?? null)}`).join(', ');
}

function keyText(value: string | null): string {
  if (value === null) return 'null';
  return /^[\w.:@+-]+$/.test(value) && value !== 'null' ? value : JSON.stringify(value);
}
