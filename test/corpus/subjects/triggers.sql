-- target: {"allowed_functions": ["public.stamp", "public.log_row", "public.log_statement", "public.skip_negative", "public.chain", "public.check_total", "public.view_write", "public.keep_key", "public.moved", "public.recurse", "public.swallow", "public.note_deferred", "public.cancel_delete"]}
-- Triggers of every kind.
create table item (id int primary key, n int, label text, touched timestamptz);
create table item_log (id bigint generated always as identity primary key, item int, op text, was int, became int);
create table totals (name text primary key, n int not null);
create table plain_log (line text);
create function stamp() returns trigger language plpgsql as $$ begin new.touched := now(); return new; end $$;
create function log_row() returns trigger language plpgsql security definer as $$
  begin
    insert into item_log (item, op, was, became)
      values (coalesce(new.id, old.id), tg_op, case when tg_op <> 'INSERT' then old.n end, case when tg_op <> 'DELETE' then new.n end);
    return null;
  end $$;
create function log_statement() returns trigger language plpgsql security definer as $$
  begin update totals set n = n + 1 where name = tg_op; return null; end $$;
create trigger item_stamp before insert or update on item for each row execute function stamp();
create trigger item_log after insert or update or delete on item for each row execute function log_row();
create trigger item_totals after insert or update or delete on item for each statement execute function log_statement();
insert into totals values ('INSERT', 0), ('UPDATE', 0), ('DELETE', 0);
insert into item (id, n, label) select g, g * 10, 'item ' || g from generate_series(1, 6) g;
create table filtered (id int primary key, n int);
create function skip_negative() returns trigger language plpgsql as $$
  begin if new.n < 0 then return null; end if; new.n := new.n * 2; return new; end $$;
create trigger filtered_skip before insert or update on filtered for each row execute function skip_negative();
insert into filtered values (1, 5), (2, 7);
create table first (id int primary key, n int);
create table second (id int primary key, n int);
create table third (id int primary key, n int);
create function chain() returns trigger language plpgsql security definer as $$
  begin execute format('update %I set n = n + 1 where id = $1', tg_argv[0]) using new.id; return new; end $$;
create trigger first_chain after update on first for each row execute function chain('second');
create trigger second_chain after update on second for each row execute function chain('third');
insert into first values (1, 1), (2, 2);
insert into second select * from first;
insert into third select * from first;
create table conditional (id int primary key, n int, label text);
create trigger conditional_log after update of n on conditional for each row when (old.n is distinct from new.n and new.n > 5) execute function log_row();
insert into conditional values (1, 1, 'a'), (2, 9, 'b');
create table balanced (id int primary key, n int);
create function check_total() returns trigger language plpgsql as $$
  begin if (select sum(n) from balanced) <> 100 then raise exception 'unbalanced'; end if; return null; end $$;
create constraint trigger balanced_total after insert or update or delete on balanced deferrable initially deferred
  for each row execute function check_total();
insert into balanced values (1, 60), (2, 40);
create table lazy (id int primary key, n int);
create function note_deferred() returns trigger language plpgsql security definer as $$
  begin insert into plain_log values ('lazy ' || new.id); return null; end $$;
create constraint trigger lazy_note after insert or update on lazy deferrable initially deferred for each row execute function note_deferred();
insert into lazy values (1, 1);
create table protected (id int primary key, n int);
create function keep_key() returns trigger language plpgsql as $$ begin new.id := old.id; return new; end $$;
create function cancel_delete() returns trigger language plpgsql as $$ begin if old.n > 5 then return null; end if; return old; end $$;
create trigger protected_keep before update on protected for each row execute function keep_key();
create trigger protected_cancel before delete on protected for each row execute function cancel_delete();
insert into protected values (1, 1), (2, 10);
create table changes (id int primary key, n int);
create function moved() returns trigger language plpgsql security definer as $$
  begin insert into plain_log select 'from ' || o.n || ' to ' || w.n from o join w using (id); return null; end $$;
create trigger changes_moved after update on changes referencing old table as o new table as w for each statement execute function moved();
insert into changes values (1, 1), (2, 2);
create table tree (id int primary key, parent int, size int);
create function recurse() returns trigger language plpgsql security definer as $$
  begin update tree set size = size + 1 where id = new.parent; return null; end $$;
create trigger tree_recurse after update of size on tree for each row execute function recurse();
insert into tree values (1, null, 0), (2, 1, 0), (3, 2, 0);
create table guarded (id int primary key, n int);
create function swallow() returns trigger language plpgsql security definer as $$
  begin begin insert into plain_log values ('saved'); exception when others then null; end; return new; end $$;
create trigger guarded_swallow before update on guarded for each row execute function swallow();
insert into guarded values (1, 1);
create view item_view as select id, n from item;
create function view_write() returns trigger language plpgsql security definer as $$
  begin
    if tg_op = 'INSERT' then insert into item (id, n) values (new.id, new.n); return new; end if;
    if tg_op = 'UPDATE' then update item set n = new.n where id = old.id; return new; end if;
    delete from item where id = old.id; return old;
  end $$;
create trigger item_view_write instead of insert or update or delete on item_view for each row execute function view_write();
create table silent (id int primary key, n int);
create function unlisted() returns trigger language plpgsql security definer as $$ begin insert into plain_log values ('unlisted'); return null; end $$;
create trigger silent_unlisted after insert or update or delete on silent for each row execute function unlisted();
-- unknown: public.plain_log
insert into silent values (1, 1), (2, 2);
create table disabled (id int primary key, n int);
create trigger disabled_unlisted after update on disabled for each row execute function unlisted();
alter table disabled disable trigger disabled_unlisted;
insert into disabled values (1, 1);

-- statements

-- sampled
-- assigned: touched, id
insert into item (id, n, label) values (10, 1, 'new');
-- assigned: touched, id
update item set n = n + 1 where id <= 2;
-- assigned: touched, id
update item set label = 'same n';
-- assigned: touched, id
delete from item where id = 3;
-- sampled
-- assigned: touched, id
insert into item (id, n) values (1, 99), (11, 5) on conflict (id) do update set n = excluded.n;
-- assigned: touched, id
insert into item (id, n) values (1, 99) on conflict do nothing;
-- assigned: touched, id
merge into item t using (values (1, 7), (20, 8)) s(id, n) on t.id = s.id
  when matched then update set n = s.n when not matched then insert (id, n) values (s.id, s.n);
-- assigned: touched, id
merge into item t using (values (1, 7), (2, 8)) s(id, n) on t.id = s.id
  when matched and s.n = 7 then delete when matched then do nothing;
-- assigned: touched
update item set touched = '2000-01-01' where id = 1;
update item set n = n where false;
delete from item where id = 999;
-- sampled
insert into filtered values (3, -1), (4, 4);
update filtered set n = -5 where id = 1;
update filtered set n = n + 1;
insert into filtered values (1, 3) on conflict (id) do update set n = excluded.n;
-- sampled
update first set n = n * 2;
update first set n = 0 where id = 1;
update second set n = 5 where id = 2;
-- sampled
-- assigned: id
update conditional set n = n + 4;
update conditional set label = 'x';
update conditional set n = n;
-- sampled
update balanced set n = case id when 1 then 50 else 50 end;
update balanced set n = n + 1;
delete from balanced where id = 1;
-- sampled
insert into lazy values (2, 2), (3, 3);
update lazy set n = 5;
update protected set id = 50, n = 3 where id = 1;
-- sampled
delete from protected;
delete from protected where n > 5;
-- sampled
update changes set n = n + 10;
update changes set n = 0 where id = 2;
-- sampled
update tree set size = size + 1 where id = 3;
update tree set size = 9;
update guarded set n = 2;
-- assigned: touched, id
insert into item_view values (70, 7);
-- assigned: touched, id
update item_view set n = 0 where id = 1;
-- assigned: touched, id
delete from item_view where id in (1, 2);
-- unknown: public.plain_log
update silent set n = 5;
-- unknown: public.plain_log
delete from silent where id = 1;
-- unknown: public.plain_log
insert into silent values (5, 5);
insert into silent select id + 10, n from silent;
update disabled set n = 9;
with gone as (delete from filtered returning *) insert into changes select id + 10, n from gone;
