-- target: {"allowed_functions": ["public.shout"]}
-- Partitions by range, list and hash, nested ones, row moves, other column orders, and plain inheritance.
create table sale (id int, day date not null, region text, amount numeric, primary key (id, day)) partition by range (day);
create table sale_24 partition of sale for values from ('2024-01-01') to ('2025-01-01');
create table sale_25 (region text, amount numeric, gone int, day date not null, id int not null);
alter table sale_25 drop column gone;
alter table sale_25 add primary key (id, day);
alter table sale attach partition sale_25 for values from ('2025-01-01') to ('2026-01-01');
create table sale_rest partition of sale default;
insert into sale select n, date '2024-06-01' + n * 60, case n % 2 when 0 then 'north' else 'south' end, n * 1.5
  from generate_series(1, 12) n;
create table ticket (id int, state text, note text, primary key (id, state)) partition by list (state);
create table ticket_open partition of ticket for values in ('open', 'waiting');
create table ticket_closed partition of ticket for values in ('closed') partition by hash (id);
create table ticket_closed_0 partition of ticket_closed for values with (modulus 2, remainder 0);
create table ticket_closed_1 partition of ticket_closed for values with (modulus 2, remainder 1);
create table ticket_null partition of ticket default;
insert into ticket select n, (array['open', 'waiting', 'closed', 'odd'])[n % 4 + 1], null from generate_series(1, 16) n;
create table hashed (k text primary key, v int) partition by hash (k);
create table hashed_0 partition of hashed for values with (modulus 3, remainder 0);
create table hashed_1 partition of hashed for values with (modulus 3, remainder 1);
create table hashed_2 partition of hashed for values with (modulus 3, remainder 2);
insert into hashed select 'k' || n, n from generate_series(1, 9) n;
create table keyless (a int, b text) partition by list (a);
create table keyless_1 partition of keyless for values in (1);
create table keyless_2 partition of keyless for values in (2);
insert into keyless values (1, 'x'), (1, 'x'), (2, 'y'), (2, 'y');
create table animal (id int primary key, name text, legs int default 4);
create table dog (breed text, primary key (id)) inherits (animal);
create table puppy (weeks int, primary key (id)) inherits (dog);
create table pet (owner text);
create table cat (claws int) inherits (animal, pet);
insert into animal values (1, 'generic');
insert into dog values (2, 'rex', 4, 'boxer'), (3, 'bo', 3, 'pug');
insert into puppy values (4, 'pip', 4, 'lab', 9);
insert into cat values (5, 'tom', 4, 'ann', 18);
create function shout() returns trigger language plpgsql as $$ begin new.note := upper(new.state); return new; end $$;
create trigger shouts before insert or update on ticket for each row execute function shout();

-- statements

-- sampled
insert into sale values (100, '2024-03-03', 'east', 1), (101, '2025-03-03', 'east', 2), (102, '2030-01-01', 'east', 3);
insert into sale (amount, id, day) values (5, 103, '2025-05-05');
-- sampled
update sale set day = day + 365 where id in (1, 2, 3);
update sale set day = day + 1;
update sale set amount = amount * 2 where region = 'north';
update sale_24 set amount = 0;
update sale set day = '2024-02-02' where id = 12;
delete from sale where day < '2025-01-01';
delete from sale;
delete from sale_25 where region = 'south';
insert into sale_25 values ('west', 9, '2025-09-09', 200);
insert into sale_25 (id, day) values (201, '2026-09-09');
insert into sale values (1, '2024-07-31', 'twice', 0) on conflict (id, day) do update set amount = excluded.amount;
insert into sale select id + 1000, day, region, amount from sale;
update sale set id = id + 1, amount = -amount where day >= '2025-01-01';
with moved as (delete from sale_24 returning *) insert into sale_rest select id, '2031-01-01', region, amount from moved;
merge into sale t using (values (1, date '2024-07-31'), (900, date '2025-01-05')) s(id, day) on t.id = s.id
  when matched then update set day = '2025-12-31' when not matched then insert values (s.id, s.day, 'new', 0);
-- sampled
insert into ticket values (100, 'open'), (101, 'closed'), (102, 'closed'), (103, 'strange');
-- sampled
update ticket set state = 'closed' where state = 'open';
update ticket set state = 'waiting' where state = 'open';
update ticket set id = id + 1 where state = 'closed';
update ticket set state = state;
delete from ticket where state in ('closed', 'odd');
update ticket_closed set state = 'open' where id > 0;
update only ticket set note = 'nothing is here';
delete from only ticket;
-- sampled
update hashed set k = k || 'x' where v < 4;
update hashed set v = v + 1;
insert into hashed values ('new', 1), ('k1', 0) on conflict do nothing;
insert into hashed values ('k1', 0), ('k2', 0) on conflict (k) do update set v = hashed.v + 100;
delete from hashed where v % 2 = 0;
insert into keyless values (1, 'new'), (2, 'new');
update keyless set b = 'z' where a = 1;
update keyless set a = 3 - a;
delete from keyless where a = 1;
insert into keyless values (3, 'nowhere');
-- sampled
update animal set legs = legs + 1;
update only animal set legs = 5;
update dog set name = name || '!', breed = 'mixed';
update animal set id = id + 10 where name = 'pip';
delete from animal where legs = 4;
-- sampled
delete from only dog;
insert into puppy (id, name) values (9, 'new');
insert into cat (id, owner) values (10, 'bob');
update pet set owner = 'eve';
delete from pet;
with d as (delete from puppy returning id, name, legs, breed) insert into dog select * from d;
update animal a set name = p.owner from cat p where a.id = p.id;
