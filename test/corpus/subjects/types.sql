-- Values of every kind, and what prints alike but is not.
create extension if not exists citext;
create extension if not exists hstore;
create extension if not exists pgcrypto;
create type mood as enum ('sad', 'ok', 'happy');
create type point2 as (x int, y int);
create type line2 as (a point2, b point2, label text);
create domain positive as int check (value > 0);
create domain short_text as text check (length(value) <= 10);
create domain good_point as point2 check ((value).x >= 0);
create domain few as int[] check (cardinality(value) <= 3);
create table num (id int primary key, i2 int2, i8 int8, n numeric, n2 numeric(10, 2), f4 float4, f8 float8, m money);
create table txt (id int primary key, t text, c char(6), v varchar(8), b bytea, n name, bits bit(4), vbits varbit(8), u uuid);
create table tim (id int primary key, d date, t time, tz timetz, ts timestamp, tstz timestamptz, iv interval);
create table js (id int primary key, j json, b jsonb);
create table arr (id int primary key, a int[], t text[], aa int[][], p point2[], jj jsonb[], few few);
create table comp (id int primary key, p point2, l line2, g good_point, e mood, es mood[], pos positive, s short_text);
create table rng (id int primary key, r int4range, nr numrange, tr tstzrange, mr int4multirange, dr daterange);
create table net (id int primary key, i inet, c cidr, mac macaddr, pt point, bx box, pg polygon, cr circle, x xml, vec tsvector, q tsquery);
create table ext (id int primary key, ci citext unique, h hstore, secret text);
insert into num values (1, 1, 9007199254740993, 1.10, 1.1, 0.1, 0.1, 12.5), (2, -32768, null, 'NaN', null, 'Infinity', '-Infinity', -3),
  (3, 0, 0, 'Infinity', 0, '-0', '-0', 0);
insert into txt values (1, 'plain', 'ab', 'v', '\x00ff', 'n', '1010', '1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
  (2, '', '', '', '', '', '0000', '', null), (3, null, null, null, null, null, null, null, null), (4, 'null', 'null', 'null', 'null', 'null', null, null, null);
insert into tim values (1, '2026-01-01', '10:00', '10:00+02', '2026-01-01 10:00', '2026-01-01 10:00+02', '1 day 2 hours'),
  (2, 'infinity', '24:00', '00:00-08', '-infinity', 'infinity', '-1 mon +3 days'), (3, '0044-03-15 BC', '00:00:00.000001', null, '0044-03-15 BC', '12026-01-01', '00:00:00.1');
insert into js values (1, '{"a":1,"a":2}', '{"a": 2}'), (2, 'null', 'null'), (3, null, null), (4, '"1"', '1'), (5, ' [1, 2 ] ', '[1, "1", null, true, "true"]'),
  (6, '{"a":"\u0000"}', '{"n": 12345678901234567890.10}'), (7, '1e999999', '"text"');
insert into arr values (1, '{1,2,3}', '{a,NULL,"NULL",""}', '{{1,2},{3,4}}', array[row(1,2)::point2], array['1'::jsonb, '"1"'], '{1}'),
  (2, '[0:1]={5,6}', '{}', '{}', null, '{}', null), (3, null, '{" a ","b,c","d\"e"}', null, '{"(,)",NULL}', null, '{}');
insert into comp values (1, '(1,2)', '("(1,2)","(3,)","la, bel")', '(1,1)', 'ok', '{sad,happy}', 5, 'short'), (2, null, null, null, null, null, null, null), (3, '(,)', '(,,)', '(0,)', 'sad', '{}', 1, '');
insert into rng values (1, '[1,5)', '(1.5,2.5]', '[2026-01-01 00:00+00,)', '{[1,3),[5,8)}', '[2026-01-01,2026-02-01)'), (2, 'empty', '(,)', null, '{}', null);
insert into net values (1, '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '(1,2)', '(2,2),(1,1)', '((0,0),(1,1),(1,0))', '<(0,0),1>', '<a/>', 'a:1 b:2', 'a & b');
insert into ext values (1, 'Name', 'a=>1, b=>NULL', crypt('pw', '$1$abcdefgh$')), (2, 'other', '', null);

-- statements

-- sampled
update num set n = 'NaN', f4 = '-0', f8 = 'NaN' where id = 1;
update num set f8 = -f8, f4 = -f4;
-- sampled
update num set n = 1.1, n2 = 1.10 where id = 1;
update num set n = n * 1.000, i8 = i8 + 1;
update num set m = m * 2, f8 = 1e308 * 10 where id = 1;
update num set f8 = 0.1 + 0.2, f4 = 16777217;
insert into num (id, n, f8) values (4, 1e-20, 5e-324), (5, '-Infinity', 1.7976931348623157e308);
update num set f8 = 0 where id = 3;
update num set n = n / 3 where n <> 'NaN' and n < 100;
delete from num where f8 = '-0'::float8;
-- sampled
update txt set t = 'null' where t is null;
update txt set t = null where t = 'null';
-- sampled
update txt set c = c || 'x', v = v || 'y', b = b || '\x00'::bytea;
update txt set t = e'tab\there\nnew line\\back"quote''s\u202eright\u200b';
update txt set bits = ~bits, vbits = vbits || b'1' where vbits is not null and length(vbits) < 8;
update txt set u = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12', n = repeat('n', 63) where id = 1;
insert into txt (id, t) values (9, repeat('é', 2000));
insert into txt (id, t) values (9, repeat('x', 70000));
insert into txt (id, c) values (10, 'tail  '), (11, 'tail');
delete from txt where c = 'ab    ';
-- sampled
update tim set ts = 'infinity', d = '-infinity', iv = '1 year 2 mons -3 days 04:05:06.789' where id = 1;
update tim set tstz = tstz + interval '1 day', t = '24:00', tz = '23:59:59.999999-15:59';
update tim set iv = iv * 1.5 where id <> 2;
update tim set tstz = '2026-03-29 02:30 Europe/Berlin', ts = '0001-01-01 BC';
delete from tim where tstz = 'infinity';
update tim set iv = '24:00:00' where id = 1;
update tim set iv = '1 day' where iv = '24:00:00' or id = 1;
-- sampled
update js set j = '{"a":2}' where id = 1;
-- sampled
update js set j = '{"a":2,"a":1}' where id = 1;
update js set b = 'null' where b is null;
update js set b = null where b = 'null';
update js set b = '"1"' where id = 4;
update js set b = '"true"', j = ' true ' where id = 5;
update js set b = b || '{"n": 12345678901234567890.1}' where id = 6;
update js set j = ' "text"' where id = 7;
update js set b = jsonb_set(b, '{1}', 'null') where id = 5;
update js set b['x'] = '5' where id = 1;
delete from js where id in (6, 7);
insert into js values (8, '{"\u0000":1e400}', '{"__proto__": {"constructor": 1}}');
-- sampled
update arr set a = '[5:7]={1,2,3}' where id = 1;
update arr set a[5] = 9 where id = 1;
update arr set a[2:3] = '{7,8}', t[1] = null where id = 1;
update arr set t = array['null', null, 'NULL', '']::text[];
update arr set aa = '{{1},{2}}', p[1].x = 5 where id = 1;
update arr set p[3] = row(null, null) where id = 3;
update arr set jj[1] = '"1"', few = few || 4;
insert into arr (id, few) values (4, '{1,2,3,4}');
delete from arr where a = '{5,6}';
-- sampled
update comp set p.x = 9, l.b.y = 4 where id = 1;
update comp set p = row(null, null) where p is null;
update comp set l = row(row(1, null), null, '') where id = 2;
update comp set e = 'happy', es = es || 'ok'::mood, s = s || '!';
update comp set g.x = -1 where id = 1;
update comp set pos = pos - 1;
insert into comp (id, g) values (4, '(5,)');
insert into comp values (5, (1, 2), ((1, 2), (3, 4), 'x,"y'), (0, 0), 'sad', '{sad}', 1, 'ten chars!');
delete from comp where (p).x is null;
-- sampled
update rng set r = '[1,5]', mr = mr + '{[100,101)}', nr = 'empty' where id = 1;
update rng set tr = '["2026-01-01 00:00+02","2026-01-02 00:00+02"]', dr = daterange('2026-01-01', null);
delete from rng where isempty(r);
update net set i = i + 1, c = '192.168.0.0/16', pt = '(1.5,-0)', x = '<b>1</b>', vec = vec || to_tsvector('simple', 'c');
update net set cr = '<(1,1),2>', pg = '((0,0),(2,2))', bx = '(0,0),(5,5)', q = q || 'c'::tsquery, mac = '08:00:2b:01:02:04';
delete from net where i << '10.0.0.0/7';
insert into net (id, i) values (2, '::1'), (3, '2001:db8::/32');
-- sampled
update ext set ci = upper(ci::text) where ci = 'NAME';
insert into ext (id, ci) values (3, 'NAME') on conflict (ci) do update set h = 'c=>3';
update ext set h = h || 'b=>2' where id = 1;
update ext set h = delete(h, 'a'), ci = 'NAME' where id = 1;
update ext set secret = crypt('new', gen_salt('md5')) where id = 1;
update ext set secret = encode(digest('x', 'sha256'), 'hex') where id = 2;
delete from ext where ci = 'OTHER';
