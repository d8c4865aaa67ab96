-- Settings of roles and of the database change after a statement was approved.
-- cases

-- name: DateStyle of the database: update copy_of set t = '2026-02-03'::date::text
update copy_of set t = '2026-02-03'::date::text
-- meanwhile
alter database DATABASE_NAME set DateStyle = 'German, DMY'
-- name: DateStyle of the login role: update copy_of set d = '03.02.2026'
update copy_of set d = '03.02.2026'
-- meanwhile
alter role LOGIN in database DATABASE_NAME set DateStyle = 'German, DMY'
-- name: DateStyle of the database: update copy_of set d = '02/03/2026'
update copy_of set d = '02/03/2026'
-- meanwhile
alter database DATABASE_NAME set DateStyle = 'ISO, DMY'
-- name: TimeZone of the login role: update copy_of set z = '2026-01-01 00:00'
update copy_of set z = '2026-01-01 00:00'
-- meanwhile
alter role LOGIN in database DATABASE_NAME set TimeZone = 'Asia/Tokyo'
-- name: TimeZone of the database: update copy_of set t = (select z::text from source)
update copy_of set t = (select z::text from source)
-- meanwhile
alter database DATABASE_NAME set TimeZone = 'Asia/Tokyo'
-- name: TimeZone of the login role: update account set note = 'day' where made::date = '2026-01-01'
update account set note = 'day' where made::date = '2026-01-01'
-- meanwhile
alter role LOGIN in database DATABASE_NAME set TimeZone = 'Asia/Tokyo'
-- name: extra_float_digits of the database: update copy_of set t = (0.1 + 0.2::float8)::text
update copy_of set t = (0.1 + 0.2::float8)::text
-- meanwhile
alter database DATABASE_NAME set extra_float_digits = -15
-- name: extra_float_digits of the login role: update copy_of set f = 0.1 + 0.2::float8
update copy_of set f = 0.1 + 0.2::float8
-- meanwhile
alter role LOGIN in database DATABASE_NAME set extra_float_digits = -15
-- name: standard_conforming_strings of the database: update copy_of set t = 'a\nb'
update copy_of set t = 'a\nb'
-- meanwhile
alter database DATABASE_NAME set standard_conforming_strings = off
-- name: default_transaction_isolation of the database: update copy_of set t = 'x'
update copy_of set t = 'x'
-- meanwhile
alter database DATABASE_NAME set default_transaction_isolation = 'read uncommitted'
-- name: default_transaction_read_only of the login role: update copy_of set t = 'x'
update copy_of set t = 'x'
-- meanwhile
alter role LOGIN in database DATABASE_NAME set default_transaction_read_only = on
-- name: row_security of the login role: update policed set n = 3
update policed set n = 3
-- meanwhile
alter role LOGIN in database DATABASE_NAME set row_security = off
-- name: session_replication_role of the database: update rated set n = 50 where id = 1
update rated set n = 50 where id = 1
-- meanwhile
alter database DATABASE_NAME set session_replication_role = replica
-- name: bytea_output of the login role: update copy_of set t = '\x41'::bytea::text
update copy_of set t = '\x41'::bytea::text
-- meanwhile
alter role LOGIN in database DATABASE_NAME set bytea_output = escape
-- name: IntervalStyle of the statement role: update copy_of set t = interval '1 day 2 hours'::text
update copy_of set t = interval '1 day 2 hours'::text
-- meanwhile
alter role WRITER in database DATABASE_NAME set IntervalStyle = iso_8601
-- name: lc_monetary of the database: update copy_of set t = 12.5::numeric::money::text
update copy_of set t = 12.5::numeric::money::text
-- meanwhile
alter database DATABASE_NAME set lc_monetary = 'C.UTF-8'
-- name: search_path of the database: update rulers set n = 8 where id = 1
update rulers set n = 8 where id = 1
-- meanwhile
alter database DATABASE_NAME set search_path = early
-- name: client_encoding of the statement role: update copy_of set t = 'é'
update copy_of set t = 'é'
-- meanwhile
alter role WRITER in database DATABASE_NAME set client_encoding = latin1
-- name: xmloption of the database: update copy_of set t = 'x' where id = 1
update copy_of set t = 'x' where id = 1
-- meanwhile
alter database DATABASE_NAME set xmloption = document
-- name: transform_null_equals of the login role: update account set note = 'n' where note = null
update account set note = 'n' where note = null
-- meanwhile
alter role LOGIN in database DATABASE_NAME set transform_null_equals = on
-- name: array_nulls of the database: update copy_of set t = ('{NULL}'::text[])[1]
update copy_of set t = ('{NULL}'::text[])[1]
-- meanwhile
alter database DATABASE_NAME set array_nulls = off
-- name: backslash_quote of the login role: update copy_of set t = 'x'
update copy_of set t = 'x'
-- meanwhile
alter role LOGIN in database DATABASE_NAME set backslash_quote = on
-- name: default_text_search_config of the statement role: update copy_of set t = to_tsvector('the running houses')::text
update copy_of set t = to_tsvector('the running houses')::text
-- meanwhile
alter role WRITER in database DATABASE_NAME set default_text_search_config = 'pg_catalog.german'
-- name: plan_cache_mode of the database: update copy_of set t = 'y'
update copy_of set t = 'y'
-- meanwhile
alter database DATABASE_NAME set plan_cache_mode = force_generic_plan
-- name: enable_seqscan of the login role: update copy_of set t = (select owner from account order by balance desc limit 1)
update copy_of set t = (select owner from account order by balance desc limit 1)
-- meanwhile
alter role LOGIN in database DATABASE_NAME set enable_seqscan = off
-- name: check_function_bodies of the database: update rated set n = rate(n) where id = 1
update rated set n = rate(n) where id = 1
-- meanwhile
alter database DATABASE_NAME set check_function_bodies = off
-- name: synchronous_commit of the login role: update copy_of set t = 'x'
update copy_of set t = 'x'
-- meanwhile
alter role LOGIN in database DATABASE_NAME set synchronous_commit = off
-- name: TimeZone of the login role, for a value that is fixed when executed
-- assigned: note
-- expect: drifted
update account set note = now()::text where id = 1
-- meanwhile
alter role LOGIN in database DATABASE_NAME set TimeZone = 'Asia/Tokyo'
-- name: DateStyle of the database, for a value that is fixed when executed
-- assigned: note
-- expect: drifted
update account set note = now()::text where id = 1
-- meanwhile
alter database DATABASE_NAME set DateStyle = 'German, DMY'
-- name: a setting of the target's own, for a row with a value that is fixed when executed
-- assigned: id
-- expect: drifted
insert into ident (owner, balance) values ('new', 1)
-- meanwhile
alter database DATABASE_NAME set app.tenant = 'other'
-- name: a setting that makes nothing but speed
-- assigned: id
-- expect: succeeded
insert into ident (owner, balance) values ('new', 1)
-- meanwhile
alter database DATABASE_NAME set work_mem = '1MB'
