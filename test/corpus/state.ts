import type { Client } from 'pg';

import { inSession } from './clones.ts';
import type { Sequences } from './sequence-moves.ts';

/** A value as its type's output function prints it. */
export type Text = string | null;

/** All rows of one table, without those of its children. */
export interface TableState {
  /** As plans write them: quoted where SQL requires it. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Text[])[];
}

/** Everything that a database holds, outside of the system's schemas and of the ledger. */
export interface DatabaseState {
  /** By quoted name. */
  readonly tables: ReadonlyMap<string, TableState>;
  readonly sequences: Sequences;
  /** Of tables, columns, types, functions, triggers, constraints, policies, rules, rights, settings. */
  readonly catalogue: string;
}

/** One way of printing values, whatever the database is set to. */
export const READING = `
  set session_replication_role = origin; set row_security = on; set TimeZone = 'UTC'; set DateStyle = 'ISO, MDY';
  set IntervalStyle = 'iso_8601'; set bytea_output = 'hex'; set extra_float_digits = 1; set lc_monetary = 'C';
  set xmloption = 'content'; set search_path = pg_catalog`;

/** Reads the whole database as its superuser. */
export function readState(url: string): Promise<DatabaseState> {
  return inSession(url, stateIn);
}

/** Reads it in the transaction, if any, of a session of the superuser. */
export async function stateIn(client: Client): Promise<DatabaseState> {
  await client.query(READING);
  const tables = await readTables(client);
  const sequences = await readSequences(client);
  return { tables, sequences, catalogue: await readCatalogue(client) };
}

const USERS = `nspname !~ '^pg_' and nspname not in ('information_schema', 'keyturn')`;

const RELATIONS = `
  select format('%I.%I', nspname, relname) as name,
         array(select case when attname in ('__proto__', 'constructor', 'prototype') then format('"%s"', attname)
                           else format('%I', attname) end
                 from pg_attribute where attrelid = rel.oid and attnum > 0 and not attisdropped order by attnum) as columns
    from pg_class rel join pg_namespace nsp on nsp.oid = relnamespace
   where relkind = any ($1) and ${USERS} order by 1`;

interface Relation {
  readonly name: string;
  readonly columns: readonly string[];
}

async function relationsOf(client: Client, kinds: readonly string[]): Promise<readonly Relation[]> {
  return (await client.query<Relation>(RELATIONS, [kinds])).rows;
}

async function readTables(client: Client): Promise<ReadonlyMap<string, TableState>> {
  const relations = await relationsOf(client, ['r', 'm']);
  const texts = relations.map(({ name }) => `select * from only ${name}`);
  const results = await rawResults(client, ['select', ...texts].join(';\n'));
  return new Map(
    relations.map(({ name, columns }, index) => [name, { columns, rows: results[index + 1]?.rows ?? [] }]),
  );
}

interface RawResult {
  readonly rows: readonly (readonly Text[])[];
}

/** Values as they come over the wire. */
async function rawResults(client: Client, text: string): Promise<readonly RawResult[]> {
  const types = { getTypeParser: () => (value: string) => value };
  const result: unknown = await client.query({ text, rowMode: 'array', types });
  return Array.isArray(result) ? (result as RawResult[]) : [result as RawResult];
}

/** Counted in steps from each start, which tells a sequence's first value from one that is still to come. */
export async function readSequences(client: Client): Promise<Sequences> {
  const names = (await relationsOf(client, ['S'])).map(({ name }) => name);
  const texts = names.map(
    (name) => `
      select trunc((at.last_value::numeric - seqstart) / seqincrement) + at.is_called::int
        from ${name} at, pg_catalog.pg_sequence where seqrelid = '${name.replaceAll("'", "''")}'::regclass`,
  );
  const results = await rawResults(client, ['select', ...texts].join(';\n'));
  return new Map(names.map((name, index) => [name, BigInt(results[index + 1]?.rows[0]?.[0] ?? '0')]));
}

const CATALOGUE = `
  select md5(coalesce(string_agg(line, e'\n' order by line collate "C"), '')) as digest from (
    select concat_ws(' ', 'class', oid, relname, relnamespace, relowner, relkind, relacl, relrowsecurity,
                     relforcerowsecurity, relreplident, reloptions, relispartition) from pg_class where oid >= 16384
    union all select concat_ws(' ', 'column', attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attidentity,
                     attgenerated, attisdropped, atthasdef, attacl) from pg_attribute where attrelid >= 16384 and attnum > 0
    union all select concat_ws(' ', 'default', adrelid, adnum, pg_get_expr(adbin, adrelid)) from pg_attrdef
    union all select concat_ws(' ', 'function', oid, proname, proowner, proacl, prosrc, proconfig) from pg_proc where oid >= 16384
    union all select concat_ws(' ', 'trigger', tgrelid, tgname, tgfoid, tgenabled, tgtype) from pg_trigger
    union all select concat_ws(' ', 'constraint', oid, conname, conrelid, pg_get_constraintdef(oid)) from pg_constraint where oid >= 16384
    union all select concat_ws(' ', 'type', oid, typname, typtype, typacl) from pg_type where oid >= 16384
    union all select concat_ws(' ', 'policy', oid, polname, polrelid) from pg_policy
    union all select concat_ws(' ', 'rule', oid, rulename, ev_enabled) from pg_rewrite where oid >= 16384
    union all select concat_ws(' ', 'schema', oid, nspname, nspowner, nspacl) from pg_namespace
     where oid >= 16384 and nspname !~ '^pg_(toast_)?temp_'
    union all select concat_ws(' ', 'large object', loid, pageno, md5(data)) from pg_largeobject
    union all select concat_ws(' ', 'comment', objoid, classoid, description) from pg_description where objoid >= 16384
  ) lines(line)`;

async function readCatalogue(client: Client): Promise<string> {
  const { rows } = await client.query<{ digest: string }>(CATALOGUE);
  return rows[0]?.digest ?? '';
}
