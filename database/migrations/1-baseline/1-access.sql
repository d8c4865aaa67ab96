-- The roles of programs see both schemas, and in them what each table grants below. A function is for those whom its file
-- names, never for everybody.
grant usage on schema keyturn, audit to keyturn_worker, keyturn_api;
alter default privileges revoke execute on functions from public;
-- For diagnosis: are database and program of one version?
grant select on keyturn.keyturn_migration to keyturn_worker, keyturn_api;
