-- Views, rules, row security.
create table base (id int primary key, owner text default 'nobody', amount int default 0, secret text);
create table other (id int primary key, label text);
create view simple as select id, owner, amount from base;
create view renamed as select id as key, amount as total from base where amount >= 0;
create view checked as select id, owner, amount from base where amount < 1000 with check option;
create view barrier with (security_barrier) as select id, amount from base where owner = 'ann';
create view nested as select key, total from renamed where total < 500 with local check option;
create view joined as select b.id, b.amount, o.label from base b join other o using (id);
create view expressions as select id, amount, amount * 2 as doubled from base;
create view invoker with (security_invoker) as select id, amount from base;
create view with_default as select id, amount from base;
alter view with_default alter amount set default 77;
create materialized view mat as select count(*) n from base;
create table ruled (id int primary key, v int);
create table ruled_log (line text);
create rule ruled_log as on update to ruled do also insert into ruled_log values ('was ' || old.v);
create table instead_ruled (id int primary key, v int);
insert into instead_ruled values (1, 1);
create rule instead_insert as on insert to instead_ruled do instead insert into base (id, amount) values (new.id, new.v);
create rule instead_delete as on delete to instead_ruled do instead nothing;
create table tenant (id int primary key, tenant text, n int, open boolean default true);
alter table tenant enable row level security;
create policy see on tenant for select to WRITER using (tenant in ('mine', 'shared'));
create policy change on tenant for update to WRITER using (tenant = 'mine') with check (tenant = 'mine' and n >= 0);
create policy add on tenant for insert to WRITER with check (tenant = 'mine');
create policy remove on tenant for delete to WRITER using (tenant = 'mine' and not open);
create table forced (id int primary key, who text default current_user);
alter table forced enable row level security;
create policy forced_own on forced to WRITER using (who = current_user) with check (true);
create table restrictive (id int primary key, n int);
alter table restrictive enable row level security;
create policy permissive on restrictive to WRITER using (true);
create policy narrow on restrictive as restrictive to WRITER using (n > 1);
insert into base select n, case when n % 2 = 0 then 'ann' else 'bob' end, n * 100, 's' || n from generate_series(1, 6) n;
insert into other select n, 'label ' || n from generate_series(1, 3) n;
insert into ruled values (1, 1), (2, 2);
insert into tenant values (1, 'mine', 1, true), (2, 'mine', 2, false), (3, 'shared', 3, false), (4, 'theirs', 4, false);
insert into forced values (1, 'postgres'), (2, default);
insert into restrictive values (1, 1), (2, 2);

-- statements

-- sampled
update simple set amount = amount + 1 where id < 3;
insert into simple values (10, 'new', 5);
insert into simple (id) values (11);
delete from simple where owner = 'ann';
update renamed set total = -5 where key = 1;
insert into renamed values (12, 1);
-- sampled
update checked set amount = 999 where id = 1;
update checked set amount = 5000 where id = 1;
insert into checked values (13, 'x', 2000);
update barrier set amount = 0;
delete from barrier where amount > 300;
update nested set total = 400 where key < 3;
update nested set total = 600 where key = 1;
update joined set amount = 1;
update expressions set amount = 3 where doubled = 200;
update expressions set doubled = 3;
update invoker set amount = 8 where id = 1;
insert into with_default (id) values (20);
insert into simple (id, amount) values (1, 7) on conflict (id) do update set amount = excluded.amount;
merge into simple s using other o on s.id = o.id when matched then update set owner = o.label;
with d as (delete from simple where id = 1 returning *) update base set secret = d.owner from d where base.id = 2;
update base set amount = s.amount from simple s where s.id = base.id + 1;
update base set secret = (select label from joined where joined.id = base.id);
delete from base where id in (select key from renamed where total > 300);
insert into base (id, amount) select 100, n from mat;
delete from mat;
update ruled set v = v + 1;
insert into instead_ruled values (50, 5);
delete from instead_ruled;
-- sampled
update tenant set n = n + 1;
update tenant set n = -1 where id = 1;
update tenant set tenant = 'theirs' where id = 1;
-- sampled
insert into tenant values (9, 'mine', 1);
insert into tenant values (9, 'theirs', 1);
insert into tenant values (1, 'mine', 5) on conflict (id) do update set n = excluded.n;
-- sampled
delete from tenant;
delete from tenant where id = 4;
update tenant set n = 0 where id in (3, 4);
insert into forced (id) values (3);
insert into forced values (3, 'someone');
update forced set who = 'other';
update restrictive set n = 5;
delete from restrictive;
