-- A value that varies from run to run hides another one that a flag chooses.
-- cases

-- name: a random value beside a flag by a star
update account set (owner, balance) = row (f.*) from (select 'x' o, case when (select on_ from flag) then 1000000 else (random() * 1000)::int end b) f where id = 7
-- meanwhile
update flag set on_ = true
-- name: a composite's fields in an insert
insert into ident_free (id, owner, balance) select (f).* from (select row(90, 'x', case when (select on_ from flag) then 1000000 else (random() * 1000)::int end)::ident_free f) g
-- meanwhile
update flag set on_ = true
-- name: a whole row inserted by star
insert into ident_free select f.* from (select 90, 'x', case when (select on_ from flag) then 1000000 else (random() * 1000)::int end) f
-- meanwhile
update flag set on_ = true
-- name: merge with values of a star
-- assigned: made
merge into account t using (select 77 id, 'x' o, case when (select on_ from flag) then 1000000 else (random() * 1000)::int end b) f on t.id = f.id when not matched then insert (id, owner, balance) values (f.*)
-- meanwhile
update flag set on_ = true
-- name: merge that updates by a star
merge into account t using (select 7 id, 'x' o, case when (select on_ from flag) then 1000000 else (random() * 1000)::int end b) f on t.id = f.id when matched then update set (id, owner, balance) = row (f.*)
-- meanwhile
update flag set on_ = true
-- name: an identity that the statement overrides
insert into ident (id, owner, balance) overriding system value select case when (select on_ from flag) then 1000000 else (random() * 1000000)::int end, 'x', 1
-- meanwhile
update flag set on_ = true
-- name: an identity by default that the statement sets
insert into ident_free (id, owner) select case when (select on_ from flag) then 1000000 else (random() * 1000000)::int end, 'x'
-- meanwhile
update flag set on_ = true
-- name: a defaulted column that the statement sets by a star
insert into account select f.* from (select 70, 'x', 1.0, 'n', case when (select on_ from flag) then timestamptz '2000-01-01' else clock_timestamp() end) f
-- meanwhile
update flag set on_ = true
-- name: a value through a writing WITH
with w as (update account set note = 'w' where id = 1 returning id, case when (select on_ from flag) then 9 else random() end r) insert into copy_of (id, f) select id + 100, r from w
-- meanwhile
update flag set on_ = true
-- name: what a conflict updates
insert into account (id, owner) values (1, 'y') on conflict (id) do update set (owner, balance) = (select 'z', case when (select on_ from flag) then 1000000 else (random() * 1000)::int end)
-- meanwhile
update flag set on_ = true
-- name: a part of an array
update copy_of set a[1] = case when (select on_ from flag) then 1000000 else (random() * 1000)::int end
-- meanwhile
update flag set on_ = true
