-- The structure, the rights or the settings of the target change after a statement was approved.
-- cases

-- name: a function's body
update rated set n = rate(n) where id = 1
-- meanwhile
create or replace function rate(int) returns int language sql immutable as $$ select $1 * 100 $$
-- name: a trigger function's body
update rated set n = 6 where id = 1
-- meanwhile
create or replace function stamp_rate() returns trigger language plpgsql as $$ begin new.rate := -1; return new; end $$
-- name: a trigger function that writes elsewhere
update rated set n = 6 where id = 1
-- meanwhile
create or replace function stamp_rate() returns trigger language plpgsql security definer as $$ begin insert into logged values ('x'); new.rate := new.n * 2; return new; end $$
-- name: a view's definition
delete from account where id in (select id from rich)
-- meanwhile
create or replace view rich as select id, owner, balance from account
-- name: a default
insert into with_default (id) values (5)
-- meanwhile
alter table with_default alter v set default 'after'
-- name: a default that varies
insert into with_default (id) values (5)
-- meanwhile
alter table with_default alter w set default (random() * 1000)::int
-- name: a default of an unlisted function
insert into with_default (id) values (5)
-- meanwhile
create function planted() returns text language plpgsql security definer as $$ begin insert into logged values ('ran'); return 'before'; end $$;
alter table with_default alter v set default planted()
-- name: a listed trigger on another table
update account set balance = 1 where id = 1
-- meanwhile
alter table account add column rate int, add column n int default 3;
create trigger account_stamp before update on account for each row execute function stamp_rate()
-- name: an unlisted trigger
update account set balance = 1 where id = 1
-- meanwhile
create function planted() returns trigger language plpgsql security definer as $$ begin insert into logged values ('ran'); return new; end $$;
create trigger account_planted before update on account for each row execute function planted()
-- name: a trigger is switched off
update rated set n = 6 where id = 1
-- meanwhile
alter table rated disable trigger all
-- name: a rule
delete from rulers where id = 1
-- meanwhile
create rule rulers_also as on delete to rulers do also delete from account
-- name: a rule instead
update rulers set n = 7 where id = 1
-- meanwhile
create rule rulers_instead as on update to rulers do instead delete from rulers
-- name: a column is added
insert into rulers values (5, 5)
-- meanwhile
alter table rulers add extra int default 6
-- name: a column is added in front of a star
insert into rulers select id + 10, n from rulers
-- meanwhile
alter table rulers add extra int
-- name: a column is renamed to swap two
update rulers set n = 9 where id = 1
-- meanwhile
alter table rulers rename n to was; alter table rulers add n int
-- name: a column gets another type
update rulers set n = 9 where id = 1
-- meanwhile
alter table rulers alter n type numeric(10, 2)
-- name: the table is replaced by another one
delete from rulers where id = 1
-- meanwhile
alter table rulers rename to rulers_old; create table rulers (id int primary key, n int, secret text);
insert into rulers values (1, 1, 'other'); grant all on rulers to WRITER; grant select on rulers to OBSERVER
-- name: the table is replaced by a view of another one
delete from rulers where id = 1
-- meanwhile
alter table rulers rename to rulers_old; create view rulers as select id, balance as n from account; grant all on rulers to WRITER
-- name: a table of the same name earlier in the path
delete from rulers where id = 1
-- meanwhile
create table early.rulers (id int primary key, n int); insert into early.rulers values (1, 1);
grant usage on schema early to WRITER, OBSERVER; grant all on early.rulers to WRITER; grant select on early.rulers to OBSERVER
-- name: a function of the same name earlier in the path
update rated set n = rate(n) where id = 1
-- meanwhile
create function early.rate(int) returns int language sql as $$ select 666 $$; grant usage on schema early to WRITER
-- name: a function that matches better
update rated set n = rate(n) where id = 1
-- meanwhile
create function public.rate(numeric) returns int language sql as $$ select 666 $$; drop function rate(int)
-- name: an operator of the same name
update account set balance = balance + 1 where id = 1
-- meanwhile
create function planted(numeric, int) returns numeric language sql as $$ select 666.0 $$;
create operator early.+ (leftarg = numeric, rightarg = int, function = planted); grant usage on schema early to WRITER
-- name: a cast
update account set note = balance::text where id = 1
-- meanwhile
create type odd as (a int); create function planted(odd) returns text language sql as $$ select 'x' $$; create cast (odd as text) with function planted(odd) as implicit
-- name: a policy shows more rows
update policed set n = 9
-- meanwhile
create policy all_rows on policed to WRITER using (true)
-- name: a policy shows other rows
update policed set n = 9
-- meanwhile
alter policy own on policed using (tenant = 'theirs')
-- name: row security is switched off
delete from policed
-- meanwhile
alter table policed disable row level security
-- name: a right is taken
update account set balance = 1 where id = 1
-- meanwhile
revoke update on account from WRITER
-- name: a right is taken and given on one column
-- expect: succeeded
update account set balance = 1 where id = 1
-- meanwhile
revoke update on account from WRITER; grant update (balance) on account to WRITER
-- name: a cascade comes
delete from account where id = 8
-- meanwhile
create table dependent (account int references account on delete cascade); insert into dependent values (8), (8)
-- name: a check comes
update account set balance = -5 where id = 1
-- meanwhile
alter table account add check (balance > -1)
-- name: a unique index on other columns comes
update account set owner = 'same' where id in (1, 2)
-- meanwhile
create unique index on account (owner)
-- name: a key goes
update rulers set n = 5 where id = 1
-- meanwhile
alter table rulers drop constraint rulers_pkey
-- name: a partition takes its place
insert into rulers values (50, 5)
-- meanwhile
drop table rulers; create table rulers (id int primary key, n int) partition by range (id);
create table rulers_1 partition of rulers for values from (0) to (1000); grant all on rulers to WRITER; grant select on rulers, rulers_1 to OBSERVER
-- name: a child inherits
update rulers set n = 1
-- meanwhile
create table rulers_child (primary key (id)) inherits (rulers); insert into rulers_child values (90, 2);
grant all on rulers_child to WRITER; grant select on rulers_child to OBSERVER
-- name: a generated column comes
update rulers set n = 3 where id = 1
-- meanwhile
alter table rulers add doubled int generated always as (n * 2) stored
