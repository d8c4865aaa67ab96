-- Keyturn's database, its owner, who is no superuser, and the roles of its programs. In compose it is run once by the
-- image. A superuser of another PostgreSQL (15 or newer) runs it with the password as a variable:
--
--   psql -v keyturn_admin_password=… -f compose/postgres/20-keyturn.sql "$SUPERUSER_URL"

\set ON_ERROR_STOP on
\if :{?keyturn_admin_password}
\else
\set keyturn_admin_password `cat /run/secrets/keyturn_admin_password`
\endif

-- Runs the migrations, which give the other three their passwords and rights.
create role keyturn_admin login createrole password :'keyturn_admin_password';
create database keyturn owner keyturn_admin;
create role keyturn_owner;
create role keyturn_api;
create role keyturn_worker;
grant keyturn_owner, keyturn_api, keyturn_worker to keyturn_admin with admin option;

revoke connect, temporary on database keyturn from public;
grant connect on database keyturn to keyturn_api, keyturn_worker;

-- Only a superuser may say so: what the programs sign in with writes rows, and nothing else to the disk.
alter role keyturn_api set temp_file_limit = '256MB';
alter role keyturn_worker set temp_file_limit = '256MB';
\connect keyturn
revoke execute on function pg_catalog.lo_creat, pg_catalog.lo_create, pg_catalog.lo_from_bytea, pg_catalog.lo_put,
  pg_catalog.lo_truncate, pg_catalog.lo_truncate64, pg_catalog.lowrite,
  pg_catalog.pg_logical_emit_message(boolean, text, text, boolean),
  pg_catalog.pg_logical_emit_message(boolean, text, bytea, boolean) from public;
