import { scramVerifier } from './scram.ts';

/** Queries the database that is being prepared, as a role that may create roles. */
export type Query = (sql: string) => Promise<unknown>;

/** Passwords of the two roles that programs sign in with. */
export interface RolePasswords {
  readonly worker: string;
  readonly api: string;
}

/**
 * The roles, what they own, and limits to what they may fill. Answers the statements that take a superuser and could not
 * be run: an operator runs them once as one.
 */
export async function prepareRoles(query: Query, passwords: RolePasswords): Promise<readonly string[]> {
  await ensureRole(query, 'keyturn_owner', 'nologin');
  await ensureRole(query, 'keyturn_worker', signInBy(passwords.worker));
  await ensureRole(query, 'keyturn_api', signInBy(passwords.api));
  await query('grant keyturn_owner to current_user');
  await query(onDatabase('grant create on database %I to keyturn_owner'));
  await query('create schema if not exists keyturn authorization keyturn_owner');
  await query('create schema if not exists audit authorization keyturn_owner');
  return limitRoles(query);
}

async function ensureRole(query: Query, role: string, attributes: string): Promise<void> {
  await query(
    `do $$ begin create role ${role}; exception when duplicate_object or unique_violation then null; end $$`,
  );
  await query(`alter role ${role} ${attributes}`);
}

function signInBy(password: string): string {
  return `login password '${scramVerifier(password)}'`;
}

function onDatabase(statement: string): string {
  return `do $$ begin execute format('${statement}', current_database()); end $$`;
}

/** The programs use no temporary tables and no large objects: what they do not store as rows they do not store at all. */
async function limitRoles(query: Query): Promise<readonly string[]> {
  await query(onDatabase('revoke temporary on database %I from public'));
  await query(
    `do $$ begin
       if to_regnamespace('public') is not null then revoke create on schema public from public; end if;
     end $$`,
  );
  for (const statement of await missingLimits(query))
    await query(`do $$ begin ${statement}; exception when insufficient_privilege then null; end $$`);
  return missingLimits(query);
}

/** Statements that take a superuser and were not run yet. */
async function missingLimits(query: Query): Promise<readonly string[]> {
  const rows = (await query(MISSING)) as { statement: string | null }[];
  return rows.flatMap(({ statement }) => (statement === null ? [] : [statement]));
}

/** All that writes large objects or straight into the log of changes; and files that a sort or a held cursor spills to. */
const MISSING = `
  select 'revoke execute on function ' || string_agg(oid::regprocedure::text, ', ' order by oid) || ' from public'
      as statement
    from pg_catalog.pg_proc where pronamespace = 'pg_catalog'::regnamespace
      and proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lo_truncate', 'lo_truncate64', 'lowrite',
        'pg_logical_emit_message')
      and exists (select from unnest(array['keyturn_worker', 'keyturn_api']) as role
        where has_function_privilege(role, pg_proc.oid, 'execute'))
  union all
  select 'alter role ' || rolname || ' set temp_file_limit = ''256MB''' from pg_catalog.pg_roles
    where rolname in ('keyturn_worker', 'keyturn_api') and not exists (
      select from pg_catalog.pg_db_role_setting, unnest(setconfig) as setting
      where setrole = pg_roles.oid and starts_with(setting, 'temp_file_limit='))`;
