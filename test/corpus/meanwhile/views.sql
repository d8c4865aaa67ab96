-- What stands between a statement and the tables that it writes changes after it was approved.
-- cases

-- name: a view shows other rows
-- expect: drifted
update open_account set note = 'seen' where id < 4
-- meanwhile
create or replace view open_account as select id, owner, note, balance from account where balance > 100
-- name: a column of a view is another column of the table
-- expect: drifted
update open_account set note = 'seen' where id = 1
-- meanwhile
create or replace view open_account as select id, note as owner, owner as note, balance from account where balance >= 0
-- name: a view is written otherwise and means the same
-- expect: drifted
update open_account set note = 'seen' where id = 1
-- meanwhile
create or replace view open_account as select id, owner, note, balance from account where balance >= 0 and true
-- name: the view behind a view
-- expect: drifted
delete from small_account where id > 2
-- meanwhile
create or replace view open_account as select id, owner, note, balance from account where balance >= 500
-- name: a check option
-- expect: drifted
-- assigned: made
insert into open_account (id, owner, balance) values (20, 'x', 1)
-- meanwhile
alter view open_account set (check_option = local)
-- name: whose rights a view has
-- expect: drifted
update open_account set note = 'seen' where id = 1
-- meanwhile
alter view open_account set (security_invoker = true)
-- name: a default of the table behind a view
-- expect: drifted
-- assigned: made
insert into open_account (id, owner, balance) values (20, 'x', 1)
-- meanwhile
alter table account alter data set default '{"admin": true}'
-- name: a default of a view
-- expect: drifted
-- assigned: made
insert into preset_account (id, balance) values (20, 1)
-- meanwhile
alter view preset_account alter owner set default 'root'
-- name: a default of a view goes
-- expect: drifted
-- assigned: made
insert into preset_account (id, balance) values (20, 1)
-- meanwhile
alter view preset_account alter owner drop default
-- name: the function of an INSTEAD OF trigger
-- expect: drifted
update desk set balance = 5 where id = 1
-- meanwhile
create or replace function at_the_desk() returns trigger language plpgsql as $$ begin update account set balance = 1000000 where id = new.id; return new; end $$
-- name: the function of an INSTEAD OF trigger does the same otherwise
-- expect: drifted
update desk set balance = 5 where id = 1
-- meanwhile
create or replace function at_the_desk() returns trigger language plpgsql as $$ begin update account set balance = new.balance + 0 where id = new.id; return new; end $$
-- name: an INSTEAD OF trigger comes
-- expect: drifted
update open_account set balance = 5 where id = 1
-- meanwhile
create trigger open_account_writes instead of update on open_account for each row execute function at_the_desk()
-- name: an INSTEAD OF trigger of a function that nobody vouches for
-- expect: drifted
update open_account set balance = 5 where id = 1
-- meanwhile
create function planted() returns trigger language plpgsql security definer as $$ begin insert into logged values ('ran'); return new; end $$;
create trigger open_account_writes instead of update on open_account for each row execute function planted()
-- name: an INSTEAD OF trigger goes
-- expect: drifted
update desk set balance = 5 where id = 1
-- meanwhile
drop trigger desk_writes on desk
-- name: a rule on a view
-- expect: drifted
delete from small_account where id > 2
-- meanwhile
create rule small_account_instead as on delete to small_account do instead delete from rulers
-- name: a rule is changed
-- expect: drifted
update ruled set n = 7 where id = 1
-- meanwhile
create or replace rule ruled_also as on update to ruled do also insert into logged values ('is ' || new.n)
-- name: a rule goes
-- expect: drifted
update ruled set n = 7 where id = 1
-- meanwhile
drop rule ruled_also on ruled
-- name: a row behind a view
update open_account set balance = balance + 1 where id = 1
-- meanwhile
update account set balance = 5000 where id = 1
-- name: a row that a rule writes down
-- expect: drifted
update ruled set n = 7 where id = 1
-- meanwhile
update ruled set n = 3 where id = 1
