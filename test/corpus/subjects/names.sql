-- Odd names, missing keys, duplicate rows, system-looking columns.
create schema "Odd Schema";
create table "Odd Schema"."Table ""quoted""" ("Key" int primary key, "a b" text, "É" text, "select" int, "1st" int);
create table "select" ("from" int primary key, "where" text);
create table pöst ("ключ" int primary key, "値" text);
create table abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk (id int primary key,
  abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk int);
create table proto (id int primary key, "__proto__" text, "constructor" text, "prototype" text, "toString" text);
create table proto_key ("__proto__" int primary key, v text);
create table upper_lower (id int primary key, "Id" int, "ID" int);
create table one_column (v text);
create table twice (a int, b text);
create table half_key (a int unique, b int not null, c text, unique (b, a));
create table partial_key (a int not null, gone boolean not null default false);
create unique index on partial_key (a) where not gone;
create table expression_key (a text not null);
create unique index on expression_key (lower(a));
create table included (a int not null, b int, c int);
create unique index on included (a) include (b);
create table json_key (k jsonb primary key, v int);
create table array_key (k int[] primary key, v int);
create table text_key (k text primary key, v int);
create table float_key (k float8 primary key, v int);
create table date_key (k timestamptz primary key, v int);
create table two_keys (a text, b text, v int, primary key (a, b));
create table composite_key (k text collate "C" primary key, v int);
create table dropped (a int, gone text, id int primary key, gone2 int, b text default 'b');
alter table dropped drop column gone;
alter table dropped drop column gone2;
create table wide (id int primary key, c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int, c10 int, c11 int, c12 int);
create table empty_table ();
create table toasted (id int primary key, big text);
create unlogged table unlogged (id int primary key, v int);
insert into "Odd Schema"."Table ""quoted""" values (1, 'x', 'y', 1, 2);
insert into "select" values (1, 'a'), (2, 'b');
insert into pöst values (1, '一'), (2, '二');
insert into abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk values (1, 1);
insert into proto values (1, 'a', 'b', 'c', 'd');
insert into proto_key values (1, 'a');
insert into upper_lower values (1, 2, 3);
insert into one_column values ('a'), ('a'), (null), ('');
insert into twice values (1, 'x'), (1, 'x'), (1, null), (null, null), (null, null);
insert into half_key values (1, 1, 'x'), (null, 2, 'y'), (null, 2, 'y');
insert into partial_key values (1, false), (1, true), (2, false);
insert into expression_key values ('A'), ('b');
insert into included values (1, 1, 1), (2, 1, 1);
insert into json_key values ('1', 1), ('"1"', 2), ('null', 3), ('{"a": 1}', 4), ('"null"', 5), ('[1]', 6), ('"[1]"', 7);
insert into array_key values ('{1,2}', 1), ('[0:1]={1,2}', 2), ('{}', 3);
insert into text_key values ('1', 1), (' 1', 2), ('1 ', 3), ('"1"', 4), ('null', 5), ('', 6), (e'a\nb', 7), ('a, b=2', 8), ('k=1', 9);
insert into float_key values (0, 1), (1e-300, 2), ('NaN', 3), ('Infinity', 4);
insert into date_key values ('2026-01-01 00:00+00', 1), ('infinity', 2);
insert into two_keys values ('a', 'b, b="c"', 1), ('a, b=b', 'c', 2), ('a', 'b', 3);
insert into composite_key values ('a', 1), ('A', 2);
insert into dropped (a, id) values (1, 1), (2, 2);
insert into wide (id) values (1), (2);
insert into toasted values (1, repeat('abc', 5000)), (2, 'small');
insert into unlogged values (1, 1);

-- statements

-- sampled
update "Odd Schema"."Table ""quoted""" set "a b" = "É" || '!', "select" = "1st";
insert into "Odd Schema"."Table ""quoted""" ("Key") values (2);
delete from "Odd Schema"."Table ""quoted""" where "Key" = 1;
-- sampled
update "select" set "where" = "from"::text where "from" = 1;
delete from "select" as "delete" where "delete"."where" = 'b';
update pöst set "値" = '三' where "ключ" = 1;
update abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk set abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk = 5;
update proto set "__proto__" = 'x', "constructor" = 'y', "prototype" = 'z', "toString" = 'w';
insert into proto values (2, 'n', null, 'm', 'l');
delete from proto;
update proto_key set v = 'changed';
insert into proto_key values (2, 'x');
-- sampled
update upper_lower set id = "ID", "Id" = id, "ID" = "Id";
-- sampled
insert into one_column values ('a'), (null), ('');
delete from one_column where v = 'a';
update one_column set v = 'b' where v = 'a';
update one_column set v = '' where v is null;
delete from twice where b = 'x';
delete from twice where a is null;
-- sampled
delete from twice where ctid = (select min(ctid) from twice);
insert into twice select * from twice;
update twice set a = 2 where b is null;
delete from half_key where c = 'y';
update half_key set c = 'z' where a = 1;
insert into half_key values (null, 2, 'y');
update partial_key set gone = true where a = 2;
delete from partial_key where gone;
update expression_key set a = upper(a);
update included set c = c + 1, b = 9;
-- sampled
update json_key set v = v * 10;
delete from json_key where k in ('1', '"1"');
update json_key set k = '"2"' where k = '1';
update array_key set v = v + 1;
delete from array_key where v = 2;
-- sampled
update text_key set v = v + 1;
delete from text_key where v in (1, 4, 5);
update text_key set k = 'null ' where k = 'null';
update float_key set v = 0;
update float_key set k = '-0' where k = 0;
delete from float_key where k = 'NaN';
update date_key set v = v + 1;
update two_keys set v = 9;
delete from two_keys where a = 'a';
update composite_key set v = 5 where k = 'A';
-- sampled
update dropped set b = 'c' where id = 1;
insert into dropped values (9, 9), (10, 10, 'x');
delete from dropped;
update dropped set id = id + 1;
update wide set (c1, c12, c5) = (1, 2, 3), c7 = id;
insert into wide select 3, * from generate_series(1, 1);
insert into empty_table default values;
update toasted set big = big || 'd' where id = 1;
update toasted set id = 9 where id = 1;
delete from toasted;
-- sampled
update unlogged set v = v + 1;
