-- Keyturn's database, its owner, who is no superuser, and the roles of its programs. In compose it is run once by the
-- image. A superuser of another PostgreSQL (15 or newer) runs it with the password as a variable; what is there already
-- stays, so it may be repeated:
--
--   psql -v keyturn_admin_password=… -f compose/postgres/20-keyturn.sql "$SUPERUSER_URL"

\set ON_ERROR_STOP on
\if :{?keyturn_admin_password}
\else
\set keyturn_admin_password `cat /run/secrets/keyturn_admin_password`
\endif

select format('create role %I', name)
  from unnest(array['keyturn_admin', 'keyturn_owner', 'keyturn_api', 'keyturn_worker']) as name
  where not exists (select from pg_roles where rolname = name) \gexec
-- Runs the migrations, which give the other three their passwords and rights.
alter role keyturn_admin login createrole password :'keyturn_admin_password';
select 'create database keyturn owner keyturn_admin'
  where not exists (select from pg_database where datname = 'keyturn') \gexec
grant keyturn_owner, keyturn_api, keyturn_worker to keyturn_admin with admin option;

revoke connect, temporary on database keyturn from public;
grant connect on database keyturn to keyturn_api, keyturn_worker;

-- Only a superuser may say so: what the programs sign in with writes rows, and nothing else to the disk.
alter role keyturn_api set temp_file_limit = '256MB';
alter role keyturn_worker set temp_file_limit = '256MB';
\connect keyturn
-- By name: their arguments differ between versions.
select format('revoke execute on function %s from public', oid::regprocedure) from pg_proc
  where pronamespace = 'pg_catalog'::regnamespace and proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put',
    'lo_truncate', 'lo_truncate64', 'lowrite', 'pg_logical_emit_message') \gexec
