-- What Keyturn needs at a PostgreSQL target. Run it once as a superuser, or as the owner of the database with CREATEROLE;
-- running it again changes nothing:
--
--   psql -v login=keyturn_executor -v statement=shop_writer -v observer=keyturn_observer -f target-setup.sql
--
--   login      the role that the executor signs in as. Give it a password or certificate yourself. It owns nothing.
--   statement  the role that statements run as: grant it what agents may do, table by table, and nothing else.
--   observer   reads rows before and after, so that people see what triggers do in tables that the statement role
--              may not read. Grant it SELECT on the governed schemas. With row security, give it BYPASSRLS, or
--              effects of hidden rows are shown as counts only.
--
-- None of them may be a superuser, and the statement role must not be a member of the login role.

\set ON_ERROR_STOP on

-- Neither psql nor the program fills in names inside of a DO block, so they go through settings of this session.
select pg_catalog.set_config('keyturn_setup.login', :'login', false),
       pg_catalog.set_config('keyturn_setup.statement', :'statement', false),
       pg_catalog.set_config('keyturn_setup.observer', :'observer', false);

do $setup$
declare
  wanted record;
begin
  for wanted in
    select pg_catalog.current_setting('keyturn_setup.' || part) as name, options
      from (values ('login', 'login noinherit'), ('statement', 'nologin'), ('observer', 'nologin')) parts(part, options)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute pg_catalog.format('create role %I %s nosuperuser nocreatedb nocreaterole', wanted.name, wanted.options);
    end if;
    -- The analysis puts the statement into a function of the session's own temporary schema, which is never kept.
    execute pg_catalog.format('grant connect, temporary on database %I to %I', pg_catalog.current_database(), wanted.name);
  end loop;
end
$setup$;

grant :"statement", :"observer" to :"login";

-- The ledger: at most one run with a key commits. Only the login role writes it, and nobody changes or deletes rows.
create schema if not exists keyturn;

create table if not exists keyturn.execution (
  key          text primary key,
  request_id   text not null,
  fingerprint  text,
  fenced       boolean not null default false,
  committed_at timestamptz not null default now()
);

comment on table keyturn.execution is
  'One row for each run that Keyturn committed here, and for each run that it closed for good (fenced).';

revoke all on schema keyturn from public;
revoke all on keyturn.execution from public;
grant usage on schema keyturn to :"login";
grant select, insert on keyturn.execution to :"login";
