import { escapeIdentifier, type QueryResultRow } from 'pg';

import { functionNameSql, readFunctionName } from './function-names.ts';
import { question, type Question } from './questions.ts';
import { StatementRefused } from './refusal.ts';
import type { TargetSettings } from './settings.ts';

/** Whether the roles keep what Keyturn relies on. $1 statement role, $2 whether there is a ledger. */
const ROLES = `
  select login.rolsuper as is_login_super,
         statement.rolsuper as is_statement_super,
         pg_catalog.pg_has_role(statement.oid, login.oid, 'member') as can_become_login,
         case when $2 then pg_catalog.has_table_privilege(statement.oid, to_regclass('keyturn.execution'),
                                                          'insert, update, delete, truncate, trigger')
                        or pg_catalog.has_any_column_privilege(statement.oid, to_regclass('keyturn.execution'),
                                                               'insert, update') end as can_write_ledger
    from pg_catalog.pg_roles login, pg_catalog.pg_roles statement
   where login.rolname = session_user and statement.rolname = $1`;

/** Event triggers that the analysis itself would set off. */
const EVENT_TRIGGERS = `
  select distinct ${functionNameSql('schema.nspname', 'called.proname')} as name
    from pg_catalog.pg_event_trigger watcher
    join pg_catalog.pg_proc called on called.oid = watcher.evtfoid
    join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
   where watcher.evtenabled in ('O', 'A') and watcher.evtevent in ('ddl_command_start', 'ddl_command_end')
     and (watcher.evttags is null or 'CREATE FUNCTION' = any (watcher.evttags))`;

/**
 * Who may create objects in schemas ($1) whose names are trusted, beside their owner and superusers; where there is no such
 * schema yet, who may create that, and would own it.
 */
const CREATORS = `
  select schema.nspname as schema, coalesce(holder.rolname, 'public') as role, false as is_missing,
         exists (select from pg_catalog.pg_database here
                  where here.datname = pg_catalog.current_database() and here.datdba = holder.oid) as owns_database
    from pg_catalog.pg_namespace schema
    cross join lateral pg_catalog.aclexplode(coalesce(schema.nspacl, pg_catalog.acldefault('n', schema.nspowner))) granted
    left join pg_catalog.pg_roles holder on holder.oid = granted.grantee
   where schema.nspname = any ($1::name[]) and granted.privilege_type = 'CREATE'
     and granted.grantee <> schema.nspowner and not coalesce(holder.rolsuper, false)
  union
  select missing.name, coalesce(holder.rolname, 'public'), true, false
    from pg_catalog.unnest($1::name[]) missing(name)
    join pg_catalog.pg_database here on here.datname = pg_catalog.current_database()
    cross join lateral pg_catalog.aclexplode(coalesce(here.datacl, pg_catalog.acldefault('d', here.datdba))) granted
    left join pg_catalog.pg_roles holder on holder.oid = granted.grantee
   where granted.privilege_type = 'CREATE' and granted.grantee <> here.datdba
     and not coalesce(holder.rolsuper, false) and missing.name !~ '^pg_'
     and not exists (select from pg_catalog.pg_namespace schema where schema.nspname = missing.name)
   order by 1, 2`;

/** To whom the owner of the ledger gave what lets the statement role ($1) write it, and nobody needs. */
const LEDGER_WRITERS = `
  select distinct coalesce(holder.rolname, 'public') as name
    from pg_catalog.pg_class ledger
    cross join lateral (
      select granted.* from pg_catalog.aclexplode(ledger.relacl) granted
       union all
      select granted.* from pg_catalog.pg_attribute part, pg_catalog.aclexplode(part.attacl) granted
       where part.attrelid = ledger.oid) granted
    left join pg_catalog.pg_roles holder on holder.oid = granted.grantee
   where ledger.oid = to_regclass('keyturn.execution')
     and granted.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
     and granted.grantee <> ledger.relowner
     and (granted.grantee = 0
          or exists (select from pg_catalog.pg_roles statement
                      where statement.rolname = $1 and pg_catalog.pg_has_role(statement.oid, granted.grantee, 'USAGE'))
             and not holder.rolsuper
             and holder.rolname <> session_user
             and not exists (select from pg_catalog.pg_database here
                              where here.datname = pg_catalog.current_database() and here.datdba = holder.oid))
   order by 1`;

interface RoleRow extends QueryResultRow {
  readonly is_login_super: boolean;
  readonly is_statement_super: boolean;
  readonly can_become_login: boolean;
  readonly can_write_ledger: boolean | null;
}

/** What makes a target unsafe, with the SQL that the reason names. */
export interface Unsafety {
  readonly reason: string;
  readonly run: readonly string[];
}

interface NameRow extends QueryResultRow {
  readonly name: string;
}

/** What the catalogue says about the safety of a target. */
type SafetyRows = readonly [
  roles: readonly RoleRow[],
  ledgerWriters: readonly NameRow[],
  watchers: readonly NameRow[],
  creators: readonly CreatorRow[],
];

/** Questions about the safety of a target. */
export function safetyQuestions(
  settings: TargetSettings,
): readonly [Question<RoleRow>, Question<NameRow>, Question<NameRow>, Question<CreatorRow>] {
  const { statementRole, hasLedger } = settings;
  return [
    question(ROLES, [statementRole, hasLedger]),
    question(LEDGER_WRITERS, [statementRole]),
    question(EVENT_TRIGGERS),
    question(CREATORS, [trustedSchemas(settings)]),
  ];
}

/**
 * The roles do most of the work of keeping a dry run harmless, and what it changes is read from the server's counters:
 * a target without them is not used. Nor is one where noting the statement would set off what nobody vouches for.
 * Answers whether it sets off anything at all.
 */
export function refuseUnsafeTarget(
  settings: TargetSettings,
  rows: SafetyRows,
): { readonly isWatched: boolean } {
  for (const unsafety of unsafetiesOf(settings, rows)) throw notSafe(unsafety.reason);
  const [, , watchers] = rows;
  return { isWatched: watchers.length > 0 };
}

/** All that `refuseUnsafeTarget` would refuse. */
export function unsafetiesOf(
  settings: TargetSettings,
  [[row], ledgerWriters, watchers, creators]: SafetyRows,
): readonly Unsafety[] {
  const reason = row === undefined ? 'the statement role does not exist' : unsafe(row, settings);
  const isWritten = reason === null && settings.hasLedger && row?.can_write_ledger === true;
  const unlisted = watchers.filter(({ name }) => !settings.allowedFunctions.has(name));
  return [
    ...(reason === null ? [] : [{ reason, run: [] }]),
    ...(isWritten ? [writtenLedger(ledgerWriters)] : []),
    ...creators.map(plantable),
    ...unlisted.map(({ name }) => ({
      reason: `an event trigger calls ${name}, which allowed_functions does not name`,
      run: [],
    })),
  ];
}

function writtenLedger(writers: readonly NameRow[]): Unsafety {
  const text = 'the statement role can write the ledger';
  if (writers.length === 0)
    return { reason: `${text}, which it owns or a role that it is a member of: name another role`, run: [] };
  const holders = writers.map(({ name }) => holderSql(name)).join(', ');
  const sql = `REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON keyturn.execution FROM ${holders}`;
  return { reason: `${text}: run ${sql}`, run: [`${sql};`] };
}

/** A list of names vouches for whatever function has such a name. The server reads `$user` as the role that acts. */
function trustedSchemas({ searchPath, statementRole, allowedFunctions }: TargetSettings): readonly string[] {
  const path = searchPath.map((name) => (name === '$user' ? statementRole : name));
  const listed = [...allowedFunctions].map((entry) => readFunctionName(entry)?.schema ?? '');
  return [...new Set([...path, ...listed])];
}

interface CreatorRow extends QueryResultRow {
  readonly schema: string;
  readonly role: string;
  /** True where there is no such schema yet. */
  readonly is_missing: boolean;
  readonly owns_database: boolean;
}

/** Where others may create, a function or operator of theirs could stand in for the one that a statement or a list means. */
function plantable({ schema, role, ...row }: CreatorRow): Unsafety {
  const name = escapeIdentifier(schema);
  const holder = holderSql(role);
  const why = 'which search_path or allowed_functions names';
  if (row.is_missing)
    return {
      reason: `schema ${name}, ${why}, does not exist, and ${holder} may create it: create it, or remove it from search_path and allowed_functions`,
      run: [],
    };
  const text = `${holder} may create in schema ${name}, ${why}`;
  if (row.owns_database)
    return { reason: `${text}, and owns the database: make it the owner of the schema as well`, run: [] };
  const sql = `REVOKE CREATE ON SCHEMA ${name} FROM ${holder}`;
  return { reason: `${text}: run ${sql}`, run: [`${sql};`] };
}

function holderSql(role: string): string {
  return role === 'public' ? 'public' : escapeIdentifier(role);
}

/** As people read it. */
export function notSafeText(reason: string): string {
  return `The target is not set up safely: ${reason}.`;
}

function notSafe(reason: string): StatementRefused {
  return new StatementRefused('target_error', notSafeText(reason), true);
}

/** What changes is read from the server's counters; without them every change would look like none. */
export function notCounting(): StatementRefused {
  return notSafe('track_counts is off, so nobody can see what changes');
}

function unsafe(row: RoleRow, settings: TargetSettings): string | null {
  if (row.is_login_super) return 'the login role is a superuser';
  if (row.is_statement_super) return 'the statement role is a superuser';
  if (row.can_become_login) return 'the statement role can become the login role';
  const hasNone = settings.hasLedger && row.can_write_ledger === null;
  return hasNone ? 'the ledger keyturn.execution does not exist' : null;
}
