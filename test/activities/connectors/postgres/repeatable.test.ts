import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Rehearsals } from './rehearsals.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const rehearsals = new Rehearsals();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(
    MORE.replaceAll('WRITER', bank.statementRole).replaceAll('OBSERVER', bank.observerRole),
  );
});

afterAll(async () => {
  await bank.stop();
});

const MORE = `
  create table item (id bigint generated always as identity primary key, name text, n int default 3, at timestamptz,
                     kind text check (kind in ('a', 'b')), spent numeric(12, 2), ats timestamptz[], doc jsonb);
  create unique index on item (lower(name));
  insert into item (name, n, kind) values ('one', 1, 'a'), ('two', 2, 'b');
  create table part (item_id bigint references item on delete cascade, n int);
  create table dated (id int primary key, n int, made timestamptz default now());
  create table counted (id serial primary key, n int);
  create table summed (id bigint generated always as identity primary key, n int, twice int generated always as (n * 2) stored);
  create table split (id int, region text, primary key (id, region)) partition by list (region);
  create table split_north partition of split for values in ('north');
  create table split_south partition of split for values in ('south');
  create table checked (id int primary key, at timestamptz check (at > '2020-01-01'::timestamptz - interval '1 day'));
  create domain late as timestamptz check (value > '2020-01-01'::timestamptz - interval '1 day');
  create table latest (id int primary key, at late);
  create domain stamp as timestamptz default now();
  create table stamped (id int primary key, n int, at stamp);
  create table policed (id int primary key, owner text);
  alter table policed enable row level security;
  create policy own_rows on policed to WRITER using (owner = current_user);
  create table screened (id int primary key, owner text);
  alter table screened enable row level security;
  create policy some_rows on screened to WRITER using (owner = 'me');
  create view item_view as select id, name, n from item;
  create table ruled (id int primary key, n int);
  create rule ruled_goes_on as on update to ruled do also insert into keyless values ('ruled', 1);
  create function fixed(int) returns int immutable language sql as 'select $1';
  create table indexed (id int primary key, n int);
  create index on indexed (fixed(n));
  create table written (id int primary key, words text, search tsvector);
  create trigger written_is_found before insert on written for each row
    execute function tsvector_update_trigger(search, 'pg_catalog.simple', words);
  create table moment (at timestamptz primary key);
  create table event (id int primary key, at timestamptz default now() references moment on delete set default);
  create table place (id int primary key);
  create table visit (id int primary key, place int default nextval('ticket') references place on delete set default);
  grant select, insert, update, delete on all tables in schema public to WRITER;
  grant select on all tables in schema public to OBSERVER;
  grant usage on all sequences in schema public to WRITER;`;

const LISTED = { allowed_functions: ['public.log_account', 'public.fixed'] };

describe('one rehearsal is enough for', () => {
  it.each([
    ['new rows with an identity', "insert into item (name, n, spent) values ('a', 1, 2), ('b', 2, 3.5)"],
    ['a row of defaults that are constants', 'insert into item default values'],
    ['a time that stands in the statement', "insert into item (at) values ('2026-11-01 10:00+00')"],
    ['a column that is set in place of its default', "insert into dated values (5, 1, '2026-01-01')"],
    ['an update by other values of the row', "update item set n = n + 1 where name like 'o%' returning id"],
    ['an update of a table with a default by the clock', 'update dated set n = 1'],
    ['an update of a table with a sequence', 'update counted set n = 1'],
    ['a value that a column is generated from', 'update summed set n = n + 1'],
    ['a row that moves to another partition', "update split set region = 'south' where id = 1"],
    ['a policy of constants', "update screened set owner = 'me'"],
    [
      'functions that only calculate',
      'update item set name = lower(name), n = coalesce(greatest(n, 2), abs(n))',
    ],
    ['rows that others choose', 'update item set n = 2 where id in (select item_id from part where n > 1)'],
    [
      'rows that are chosen by a join',
      'delete from item where exists (select from part p join card c on c.id = p.n)',
    ],
    ['a delete that cascades', "delete from item where id = any ('{1, 2}')"],
  ])('%s', async (_, statement) => {
    expect(await rehearsals.isRepeatable(bank.call(statement, LISTED))).toBe(true);
  });
});

describe('two rehearsals stay for', () => {
  it.each([
    ['a default by the clock', 'insert into dated (id) values (5)'],
    ['a default by a sequence', 'insert into counted (n) values (5)'],
    ['a default of a domain', 'insert into stamped (id) values (5)'],
    ['a generated column beside a new identity', 'insert into summed (n) values (1)'],
    ['new rows of partitions', "insert into split values (7, 'north')"],
    ['an identity that is set in vain', "insert into item (id, name) overriding user value values (7, 'a')"],
    ['DEFAULT as a value', "insert into item (id, name) values (default, 'a')"],
    ['DEFAULT in an update', 'update dated set made = default'],
    ['ON CONFLICT', "insert into item (name) values ('a') on conflict do nothing"],
    ['WITH', 'with gone as (delete from part returning n) update item set n = 1'],
    ['FROM', 'update item set n = part.n from part where part.item_id = item.id'],
    ['USING', 'delete from item using part where part.item_id = item.id'],
    ['MERGE', 'merge into item using part on part.item_id = item.id when matched then delete'],
    ['rows of a query', 'insert into item (n) select n from part'],
    ['LIMIT', 'update item set n = (select n from part limit 1)'],
    ['an order', 'update item set n = 1 where id in (select item_id from part order by n)'],
    ['DISTINCT ON', 'update item set n = 1 where id in (select distinct on (n) item_id from part)'],
    ['a window', 'update item set n = 1 where id in (select row_number() over () from part)'],
    ['an aggregate', 'update item set n = (select max(n) from part)'],
    ['groups', 'update item set n = 1 where id in (select item_id from part group by item_id)'],
    ['a union', 'update item set n = 1 where id in (select item_id from part union select 1)'],
    ['an array of rows', 'update item set n = 1 where id = any (array(select item_id from part))'],
    ['a function of many rows', 'update item set n = 1 where id in (select generate_series(1, n) from part)'],
    ['a function as a table', 'update item set n = 1 where id in (select g from generate_series(1, 2) g)'],
    ['the clock in a condition', 'update item set n = 1 where at < now()'],
    ['a keyword of the clock', 'update item set n = 1 where at < current_timestamp'],
    ['the name of the role', 'update item set n = 1 where name = current_user'],
    ['what is only stable', "update item set n = 1 where at < at + interval '1 day'"],
    ['a text that is cast to a date', "update item set n = 1 where name::date < '2026-01-01'"],
    ['a constant by the clock', "update item set at = 'now'"],
    ['a constant by the clock in disguise', String.raw`update item set ats = '{"n\ow"}'`],
    ['where a row lies', "update item set n = 1 where ctid = '(0,1)'"],
    ['who wrote a row', "update item set n = 1 where xmin = '700'"],
    ['a row as a whole', 'update item set n = 1 where item is not null'],
    ['a function of JSON', "update item set doc = json_object('n': n)"],
    ['a view that is read', 'update item set n = 1 where id in (select id from item_view)'],
    ['a view that is written', 'update item_view set n = 1'],
    ['a sequence that is read', 'update item set n = 1 where id = (select last_value from ticket)'],
    ['a rule', 'update ruled set n = 1'],
    ['a policy by the role', 'update policed set id = id + 1'],
    ['a check that is only stable', 'update checked set id = id + 1'],
    ['a domain whose check is only stable', 'update latest set id = id + 1'],
    ['a function of the owner', 'update item set n = fixed(n)'],
    ['a function of the owner in an index', 'update indexed set n = 1'],
    ['a trigger of the owner', 'update account set balance = 1'],
    ['a trigger that does not fire', 'delete from account'],
    ['a trigger with a function of the server', "insert into written (id, words) values (1, 'a')"],
    ['a cascade that sets a default by the clock', 'delete from moment'],
    ['a cascade that sets a default by a sequence', 'delete from place'],
    ['what is made at execution', 'update item set name = gen_random_uuid()::text'],
  ])('%s', async (_, statement) => {
    const listed = { ...LISTED, made_at_execution: ['pg_catalog.gen_random_uuid'] };
    expect(await rehearsals.isRepeatable(bank.call(statement, listed))).toBe(false);
  });
});

describe('how often a statement is rehearsed', () => {
  it.each([
    ["insert into item (name) values ('once')", 1],
    ["insert into item (name) values ('twice') on conflict do nothing", 2],
    ["insert into item (name, kind) values (upper('a'), 'a') returning id", 1],
  ])('%s: %i of its values of the sequence are gone', async (statement, times) => {
    const taken = async (): Promise<number> => {
      const [row] = await bank.rows<{ last: string }>('select last_value::text as last from item_id_seq');
      return Number(row?.last);
    };
    const before = await taken();
    const plan = await rehearsals.planned(bank.call(statement));
    expect([(await taken()) - before, plan.sequence_values_used]).toEqual([times, times]);
    expect(plan.effects[0]?.assigned_columns).toEqual(['id']);
    expect(await rehearsals.executed(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
  });

  it('what a session sets apart of a sequence counts as used', async () => {
    await bank.admin.query('alter sequence item_id_seq cache 20');
    const plan = await rehearsals.planned(bank.call("insert into item (name) values ('cached')"));
    expect(plan.sequence_values_used).toBe(20);
    await bank.admin.query('alter sequence item_id_seq cache 1');
  });
});
