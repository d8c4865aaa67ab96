import type { Client, QueryResultRow } from 'pg';

import { readImages, type ReadRows, type TableCounts } from './images.ts';
import { StatementRefused } from './refusal.ts';
import { rowsOf, setLocally, takeRole } from './session.ts';
import type { PostgresLimits, TargetSettings } from './settings.ts';

/** What one transaction did to one table. */
export interface TableEffect extends TableCounts, ReadRows {}

/** What reading an effect needs. */
export interface EffectReading {
  /** In the transaction that wrote, as the login role. A fresh connection: a reused one counts earlier work too. */
  readonly writer: Client;
  /** In a read-only transaction on the snapshot that the writer exported before it wrote. */
  readonly reader: Client;
  readonly settings: TargetSettings;
  readonly limits: PostgresLimits;
  /** Resources whose rows need not be read. */
  readonly countsOnly: ReadonlySet<string>;
}

/** Rows changed by this transaction, triggers and cascades included. The ledger is ours and not part of the effect. */
const COUNTS = `
  select stat.relid::text as oid, format('%I.%I', stat.schemaname, stat.relname) as resource,
         stat.n_tup_ins::text as inserted, stat.n_tup_upd::text as updated, stat.n_tup_del::text as deleted,
         pg_catalog.pg_relation_size(stat.relid)::text as bytes,
         pg_catalog.has_schema_privilege($1, stat.schemaname, 'usage')
           and pg_catalog.has_table_privilege($1, stat.relid, 'select') as is_readable
    from pg_catalog.pg_stat_xact_user_tables stat
   where stat.n_tup_ins + stat.n_tup_upd + stat.n_tup_del > 0
     and stat.relid is distinct from pg_catalog.to_regclass('keyturn.execution')
   order by resource`;

const CATALOG_CHANGES = `
  select relname as name from pg_catalog.pg_stat_xact_sys_tables
   where n_tup_ins + n_tup_upd + n_tup_del > 0 and schemaname in ('pg_catalog', 'information_schema')`;

interface CountRow extends QueryResultRow {
  readonly oid: string;
  readonly resource: string;
  readonly inserted: string;
  readonly updated: string;
  readonly deleted: string;
  readonly bytes: string;
  readonly is_readable: boolean;
}

/** Reads what the open transaction of the writer has done so far. */
export async function readEffect(reading: EffectReading): Promise<readonly TableEffect[]> {
  const { writer, reader, settings } = reading;
  const observer = settings.observerRole ?? settings.statementRole;
  const counts = await rowsOf<CountRow>(writer, COUNTS, [observer]);
  await refuseCatalogChanges(writer);
  if (counts.length === 0) return [];
  const [current] = await rowsOf<{ xid: string }>(
    writer,
    'select pg_catalog.pg_current_xact_id_if_assigned()::xid::text as xid',
  );
  for (const client of [writer, reader]) await setLocally(client, READING);
  for (const client of [writer, reader]) await takeRole(client, observer);
  const effects: TableEffect[] = [];
  for (const row of counts) effects.push(await tableEffect(reading, row, current?.xid ?? '0'));
  await takeRole(writer, null);
  return effects;
}

/** One way of printing values, whatever the session of the statement was set to. */
const READING = { TimeZone: 'UTC', DateStyle: 'ISO, MDY', IntervalStyle: 'iso_8601', bytea_output: 'hex' };

async function refuseCatalogChanges(writer: Client): Promise<void> {
  const rows = await rowsOf<{ name: string }>(writer, CATALOG_CHANGES);
  if (rows.length === 0) return;
  throw new StatementRefused(
    'not_previewable',
    'A trigger or function changes the structure of the target itself.',
  );
}

async function tableEffect(reading: EffectReading, row: CountRow, xid: string): Promise<TableEffect> {
  const counts: TableCounts = {
    oid: row.oid,
    resource: row.resource,
    inserted: Number(row.inserted),
    updated: Number(row.updated),
    deleted: Number(row.deleted),
  };
  const blindness = blindnessOf(reading, row, counts);
  if (blindness !== null) return { ...counts, keyColumns: [], rows: null, blindness };
  return { ...counts, ...(await readImages({ ...reading, table: counts, xid })) };
}

function blindnessOf(reading: EffectReading, row: CountRow, counts: TableCounts): string | null {
  const { rowLimit } = reading.settings;
  const rows = Math.max(counts.inserted + counts.updated, counts.updated + counts.deleted);
  if (reading.countsOnly.has(row.resource)) return 'only its counts were approved';
  if (!row.is_readable) return 'the observer role may not read it';
  if (rows > rowLimit) return `more than ${rowLimit} rows change`;
  return Number(row.bytes) > reading.limits.scannedBytesMax ? 'it is too large to look through' : null;
}
