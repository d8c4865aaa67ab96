import { FIRES } from './firing.sql.ts';

/**
 * Queries of `target-check.ts`. The login role runs them, over what the catalogue shows to everybody. Names come bare:
 * what a target has quoted could be anything, and is pasted by a superuser, into a psql that runs programs.
 */

/**
 * Where the session is. What the set-up makes has no power of its own, and inherits nothing or is a member of a role of the
 * target ($1).
 */
export const HERE = `
  select session_user as login, pg_catalog.current_database() as database,
         (select held.rolsuper or held.rolcreaterole or held.rolcreatedb
                 or exists (select from pg_catalog.pg_database here
                             where here.datname = pg_catalog.current_database() and here.datdba = held.oid)
                 or held.rolinherit and not exists (
                   select from pg_catalog.pg_auth_members linked join pg_catalog.pg_roles taken on taken.oid = linked.roleid
                    where linked.member = held.oid and taken.rolname = any ($1::name[]))
            from pg_catalog.pg_roles held where held.rolname = session_user) as is_login_foreign,
         pg_catalog.current_setting('server_version') as version,
         pg_catalog.current_setting('server_version_num')::int as version_number,
         pg_catalog.pg_is_in_recovery() as is_standby,
         pg_catalog.current_setting('default_transaction_read_only')::boolean as is_read_only,
         pg_catalog.current_setting('track_counts')::boolean as is_counting,
         pg_catalog.current_setting('temp_file_limit') as temp_file_limit,
         pg_catalog.current_setting('max_connections')::int as connections_max,
         (select datconnlimit from pg_catalog.pg_database where datname = pg_catalog.current_database()) as database_limit,
         (select rolconnlimit from pg_catalog.pg_roles where rolname = session_user) as role_limit,
         coalesce(pg_catalog.inet_server_addr() operator(pg_catalog.<<) '127.0.0.0/8'
                  or pg_catalog.inet_server_addr() operator(pg_catalog.=) '::1', true) as is_local,
         coalesce((select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()), false) as is_encrypted`;

/** The roles ($1) that a target names, as they are here. `may_be_taken` checks as the server does. */
export const roles = (versionNumber: number): string => `
  select wanted.name, held.rolname is not null as is_there, coalesce(held.rolsuper, false) as is_super,
         coalesce(held.rolbypassrls, false) as sees_all_rows,
         coalesce(pg_catalog.pg_has_role(session_user, held.oid, '${versionNumber >= 160_000 ? 'SET' : 'MEMBER'}'), false) as may_be_taken,
         coalesce(pg_catalog.pg_has_role(held.oid, session_user::pg_catalog.regrole, 'MEMBER')
                  and held.rolname <> session_user, false) as may_take_login,
         exists (select from pg_catalog.pg_auth_members linked
                  where linked.member = held.oid and linked.roleid = session_user::pg_catalog.regrole) as is_given_login,
         exists (select from pg_catalog.pg_database here
                  where here.datname = pg_catalog.current_database() and here.datdba = held.oid) as owns_database,
         coalesce(pg_catalog.has_database_privilege(held.oid, pg_catalog.current_database(), 'CONNECT'), false) as may_connect,
         coalesce(pg_catalog.has_database_privilege(held.oid, pg_catalog.current_database(), 'TEMPORARY'), false) as may_make_temporary
    from pg_catalog.unnest($1::name[]) wanted(name)
    left join pg_catalog.pg_roles held on held.rolname = wanted.name`;

/** The ledger and what the login role may do with it. No row: there is none. */
export const LEDGER = `
  select pg_catalog.has_schema_privilege(session_user, ledger.relnamespace, 'USAGE') as may_use,
         pg_catalog.has_table_privilege(session_user, ledger.oid, 'SELECT') as may_select,
         pg_catalog.has_table_privilege(session_user, ledger.oid, 'INSERT') as may_insert
    from pg_catalog.pg_class ledger join pg_catalog.pg_namespace schema on schema.oid = ledger.relnamespace
   where schema.nspname = 'keyturn' and ledger.relname = 'execution'`;

/** The schemas ($1) of the path, and who of statement role ($2) and observer ($3) may use them. */
export const SCHEMAS = `
  select schema.nspname as name,
         pg_catalog.has_schema_privilege($2::name, schema.oid, 'USAGE') as is_open_to_statement,
         pg_catalog.has_schema_privilege($3::name, schema.oid, 'USAGE') as is_open_to_observer
    from pg_catalog.pg_namespace schema where schema.nspname = any ($1::name[])`;

/** Tables of those schemas ($1) that the statement role ($2) may do something with, and what the observer ($3) may read. */
export const TABLES = `
  select schema.nspname as schema, held.relname as name, held.relrowsecurity as has_row_security,
         pg_catalog.has_table_privilege($2::name, held.oid, 'INSERT, UPDATE, DELETE')
           or pg_catalog.has_any_column_privilege($2::name, held.oid, 'INSERT, UPDATE') as is_written,
         pg_catalog.has_table_privilege($2::name, held.oid, 'UPDATE, DELETE') as is_searched,
         pg_catalog.has_any_column_privilege($2::name, held.oid, 'SELECT') as is_read,
         pg_catalog.has_table_privilege($3::name, held.oid, 'SELECT') as is_observed
    from pg_catalog.pg_class held join pg_catalog.pg_namespace schema on schema.oid = held.relnamespace
   where schema.nspname = any ($1::name[]) and held.relkind in ('r', 'p')
   order by 1, 2`;

/** Sequences behind columns of tables that the statement role ($2) may insert into and the observer ($3) may not read. */
export const SEQUENCES = `
  select distinct own.nspname as schema, made.relname as name
    from pg_catalog.pg_class made
    join pg_catalog.pg_namespace own on own.oid = made.relnamespace
    join pg_catalog.pg_depend linked on linked.objid = made.oid and linked.classid = 'pg_catalog.pg_class'::regclass
                                    and linked.refclassid = 'pg_catalog.pg_class'::regclass and linked.deptype in ('a', 'i')
    join pg_catalog.pg_class held on held.oid = linked.refobjid
    join pg_catalog.pg_namespace schema on schema.oid = held.relnamespace
   where made.relkind = 'S' and schema.nspname = any ($1::name[])
     and pg_catalog.has_any_column_privilege($2::name, held.oid, 'INSERT')
     and case when made.relkind = 'S' then not pg_catalog.has_sequence_privilege($3::name, made.oid, 'SELECT') end
   order by 1, 2`;

/** Which of the named functions (schemas $1, names $2) are not there. */
export const MISSING_FUNCTIONS = `
  select pg_catalog.format('%I.%I', wanted.schema, wanted.name) as name
    from rows from (pg_catalog.unnest($1::name[]), pg_catalog.unnest($2::name[])) wanted(schema, name)
   where not exists (
     select from pg_catalog.pg_proc called join pg_catalog.pg_namespace home on home.oid = called.pronamespace
      where home.nspname = wanted.schema and called.proname = wanted.name)
   order by 1`;

/** Functions of triggers on tables of those schemas ($1) that the statement role ($2) may change. */
export const TRIGGER_FUNCTIONS = `
  select distinct home.nspname as schema, called.proname as name
    from pg_catalog.pg_trigger attached
    join pg_catalog.pg_class held on held.oid = attached.tgrelid
    join pg_catalog.pg_namespace schema on schema.oid = held.relnamespace
    join pg_catalog.pg_proc called on called.oid = attached.tgfoid
    join pg_catalog.pg_namespace home on home.oid = called.pronamespace
   where schema.nspname = any ($1::name[]) and not attached.tgisinternal and ${FIRES} and home.nspname <> 'pg_catalog'
     and (pg_catalog.has_table_privilege($2::name, held.oid, 'INSERT, UPDATE, DELETE')
          or pg_catalog.has_any_column_privilege($2::name, held.oid, 'INSERT, UPDATE'))
   order by 1, 2`;
