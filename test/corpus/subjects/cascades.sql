-- target: {"allowed_functions": ["public.log_child"]}
-- Foreign keys of every kind.
create table parent (id int primary key, code text unique, name text);
create table child (id int primary key, parent int references parent on delete cascade on update cascade, n int default 1);
create table grandchild (id int primary key, child int references child on delete cascade on update cascade, note text);
create table nulled (id int primary key, code text references parent (code) on delete set null on update set null);
create table defaulted (id int primary key, parent int default 1 references parent on delete set default on update set default);
create table keyless_child (parent int references parent on delete cascade on update cascade, note text);
create table strict (id int primary key, parent int references parent on delete restrict);
create table lazy (id int primary key, parent int references parent deferrable initially deferred);
create table node (id int primary key, up int references node on delete cascade on update cascade, name text);
create table left_side (id int primary key, other int);
create table right_side (id int primary key, other int references left_side on delete cascade deferrable initially deferred);
alter table left_side add foreign key (other) references right_side on delete cascade deferrable initially deferred;
create table pair (a int, b int, note text, primary key (a, b));
create table pair_user (id int primary key, a int, b int, foreign key (a, b) references pair on delete set null (b) on update cascade);
create table part_parent (id int primary key) partition by range (id);
create table part_parent_1 partition of part_parent for values from (0) to (100);
create table part_parent_2 partition of part_parent for values from (100) to (200);
create table part_child (id int, parent int references part_parent on delete cascade, primary key (id, parent)) partition by list (parent);
create table part_child_1 partition of part_child for values in (1, 2);
create table part_child_rest partition of part_child default;
create table logged (id int primary key);
create table logged_child (id int primary key, up int references logged on delete cascade);
create table child_log (line text);
create function log_child() returns trigger language plpgsql security definer as $$
  begin insert into child_log values ('gone ' || old.id); return old; end $$;
create trigger logged_child_log after delete on logged_child for each row execute function log_child();
create function unlisted() returns trigger language plpgsql security definer as $$ begin return null; end $$;
create table watched (id int primary key);
create table watched_child (id int primary key, up int references watched on delete cascade);
create trigger watched_unlisted after delete on watched for each row execute function unlisted();
insert into parent select n, 'p' || n, 'name ' || n from generate_series(1, 6) n;
insert into child select n, (n - 1) / 2 + 1, n from generate_series(1, 8) n;
insert into grandchild select n, (n - 1) / 2 + 1, 'g' || n from generate_series(1, 16) n;
insert into nulled values (1, 'p1'), (2, 'p2'), (3, null);
insert into defaulted values (1, 2), (2, 3), (3, 1);
insert into keyless_child values (1, 'a'), (1, 'a'), (2, 'b');
insert into strict values (1, 5);
insert into lazy values (1, 6);
insert into node values (1, null, 'root'), (2, 1, 'a'), (3, 2, 'b'), (4, 3, 'c'), (5, 1, 'd'), (6, 6, 'self');
insert into left_side values (1, null);
insert into right_side values (1, 1);
update left_side set other = 1;
insert into pair values (1, 1, 'x'), (1, 2, 'y');
insert into pair_user values (1, 1, 1), (2, 1, 2);
insert into part_parent values (1), (2), (150);
insert into part_child values (1, 1), (2, 2), (3, 150);
insert into logged values (1), (2);
insert into logged_child values (1, 1), (2, 1), (3, 2);
insert into watched values (1), (2);
insert into watched_child select n, 1 from generate_series(1, 5) n;

-- statements

-- sampled
delete from parent where id = 1;
-- sampled
delete from parent where id = 2;
delete from parent where id in (3, 4);
delete from parent where id = 5;
delete from parent where id = 6;
-- sampled
update parent set id = id + 100 where id = 3;
update parent set id = id + 100 where id = 1;
update parent set id = 102 where id = 2;
update parent set code = 'q1' where id = 1;
update parent set name = 'other';
update parent set id = id + 100, code = code || 'x', name = 'moved' where id = 4;
-- sampled
delete from child where id = 1;
update child set id = id + 50;
update child set parent = 6 where id < 3;
insert into child values (100, 999);
insert into child (id, parent) select id + 500, id from parent;
insert into lazy values (2, 999);
-- sampled
delete from node where id = 1;
delete from node where id = 3;
delete from node where id = 6;
update node set id = 10 where id = 1;
update node set id = id * 10;
update node set up = id where id = 4;
insert into node values (20, 21, 'x'), (21, 20, 'y');
-- sampled
delete from left_side;
delete from right_side where id = 1;
with p as (insert into left_side values (5, 5) returning id) insert into right_side select id, id from p;
delete from pair where b = 1;
-- sampled
update pair set a = 9 where b = 2;
update pair set a = 9, b = b + 10;
delete from part_parent where id = 1;
delete from part_parent;
update part_parent set id = 50 where id = 2;
update part_child set parent = 150 where id = 1;
-- sampled
delete from logged where id = 1;
delete from logged_child;
delete from watched where id = 1;
delete from watched;
with new_parent as (insert into parent values (50, 'p50', 'new') returning id) insert into child select 500, id from new_parent;
with gone as (delete from parent where id = 4 returning *) insert into parent select id + 300, code || 'b', name from gone;
delete from grandchild g using child c where g.child = c.id and c.parent = 1;
delete from parent p where exists (select from child c join grandchild g on g.child = c.id where c.parent = p.id and g.note = 'g7');
