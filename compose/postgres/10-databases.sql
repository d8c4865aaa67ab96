-- Run once by the image, with psql, when the data folder is made: two owners that are not superusers, each with
-- databases of its own, and nobody can connect to what is not theirs.

\set temporal_password `cat /run/secrets/temporal_database_password`
\set keyturn_admin_password `cat /run/secrets/keyturn_admin_password`

create role temporal login password :'temporal_password';
create database temporal owner temporal;
create database temporal_visibility owner temporal;

-- Runs the migrations, which give the other three their passwords and rights.
create role keyturn_admin login createrole password :'keyturn_admin_password';
create database keyturn owner keyturn_admin;
create role keyturn_owner;
create role keyturn_api;
create role keyturn_worker;
grant keyturn_owner, keyturn_api, keyturn_worker to keyturn_admin with admin option;

revoke connect, temporary on database temporal, temporal_visibility, keyturn, postgres, template1 from public;
grant connect on database keyturn to keyturn_api, keyturn_worker;

-- Only a superuser may say so: what the programs sign in with writes rows, and nothing else to the disk.
alter role keyturn_api set temp_file_limit = '256MB';
alter role keyturn_worker set temp_file_limit = '256MB';
\connect keyturn
revoke execute on function pg_catalog.lo_creat, pg_catalog.lo_create, pg_catalog.lo_from_bytea, pg_catalog.lo_put,
  pg_catalog.lo_truncate, pg_catalog.lo_truncate64, pg_catalog.lowrite,
  pg_catalog.pg_logical_emit_message(boolean, text, text, boolean),
  pg_catalog.pg_logical_emit_message(boolean, text, bytea, boolean) from public;
