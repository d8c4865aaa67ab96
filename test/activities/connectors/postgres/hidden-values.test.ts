import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(
    TABLES.replaceAll('WRITER', bank.statementRole).replaceAll('OBSERVER', bank.observerRole),
  );
});

afterAll(async () => {
  await bank.stop();
});

const TABLES = `
  create table person (id int primary key, title text); insert into person values (1, 'a'), (7, 'b');
  create table role_title (role int primary key, title text); insert into role_title values (3, 'clerk');
  create table promotion (id int primary key, person int, role int);
  create function promote() returns trigger language plpgsql security definer as $$ begin
    update public.person set title = (select title from public.role_title where role = new.role) where id = new.person;
    return null; end $$;
  create trigger promotes after insert on promotion for each row execute function promote();

  create sequence numbers; create table price (id int primary key, amount int default nextval('numbers'));
  insert into price values (1, 5), (7, 100);
  create table deal (id int primary key, item int); create table quote (item int, amount int);
  insert into quote values (7, 100);
  create function dealing() returns trigger language plpgsql security definer as $$ begin
    update public.price set amount = (select amount from public.quote where item = new.item) where id = new.item;
    return null; end $$;
  create trigger deals after insert on deal for each row execute function dealing();

  create table part (id int, at timestamptz, note text) partition by range (id);
  create table part_one partition of part for values from (0) to (100);
  insert into part values (1, 'epoch', 'a'), (2, 'epoch', 'b');
  create table wanted (id int, at timestamptz); insert into wanted values (2, '2030-01-01');
  create function spread() returns trigger language plpgsql security definer as $$ begin
    if pg_trigger_depth() = 1 then
      update public.part set at = w.at from public.wanted w where w.id = part.id;
    end if; return null; end $$;
  create trigger spreads after update on part for each statement execute function spread();

  create table login (id int primary key, pw text, hash text); insert into login values (1, null, 'h');
  create table staging (pw text); insert into staging values ('harmless');
  create function hashing() returns trigger language plpgsql as $$
    declare salt text := md5(random()::text); begin
      if new.pw is not null then new.hash := salt || ':' || md5(salt || new.pw); new.pw := null; end if;
      return new; end $$;
  create trigger hashes before insert or update on login for each row execute function hashing();

  create table inbox (id int, payload text); create table outbox (id int, payload text);
  create view tick as select extract(milliseconds from clock_timestamp())::int as ms;
  create function route() returns trigger language plpgsql security definer as $$ begin
    insert into public.outbox values (new.id, new.payload); return null; end $$;
  create trigger routes before insert on inbox for each row execute function route();

  create table override (id int, at timestamptz, number int, token uuid, title text);
  create sequence seen;
  create table item (id int primary key, at timestamptz default now(), number int default nextval('seen'),
                     due timestamptz default now() + interval '30 days', day date default current_date,
                     token uuid default gen_random_uuid(), title text);
  insert into item (id, title) values (1, 'one');
  create function overriding() returns trigger language plpgsql security definer as $$
    declare other public.override; begin
      select * into other from public.override where id = new.id;
      if found then
        new.at := coalesce(other.at, new.at); new.due := coalesce(other.at, new.due);
        new.number := coalesce(other.number, new.number);
      end if; return new; end $$;
  create trigger overrides before insert or update on item for each row execute function overriding();

  create table touched (id int primary key, v int, changed_at timestamptz);
  insert into touched values (1, 1, null), (2, 2, now());
  create function touch() returns trigger language plpgsql as $$ begin new.changed_at := now(); return new; end $$;
  create trigger touches before update on touched for each row execute function touch();

  grant select, insert, update, delete on all tables in schema public to WRITER;
  grant usage on all sequences in schema public to WRITER;
  grant select on all tables in schema public to OBSERVER;
  grant select on sequence seen to OBSERVER;`;

const LISTED = {
  allowed_functions: [
    'promote',
    'dealing',
    'spread',
    'hashing',
    'route',
    'overriding',
    'touch',
    'log_account',
  ].map((name) => `public.${name}`),
};

/** Plans, lets something happen, and executes what was approved: what came of it. */
async function executed(statement: string, meanwhile?: string): Promise<string> {
  const outcome = await connector.plan(bank.call(statement, LISTED));
  if (outcome.kind === 'refused') return `refused: ${outcome.detail}`;
  if (meanwhile !== undefined) await bank.admin.query(meanwhile);
  const execution = await connector.execute(bank.approved(outcome.plan, { target: bank.target(LISTED) }));
  return execution.kind;
}

describe('a value that is left out because execution makes it', () => {
  it.each<[string, [statement: string, meanwhile: string, found: string]]>([
    [
      'of another row, by a trigger of another table',
      [
        `with a as (update person set title = to_char(now(), '"guest"') where id = 1) insert into promotion values (9, 7, 3)`,
        "update role_title set title = 'CEO with all rights'",
        "select 1 from person where title like 'CEO%'",
      ],
    ],
    [
      'of another row, where the time is all that a column gets',
      [
        `with a as (update person set title = to_char(now(), 'US') where id = 1) insert into promotion values (9, 7, 3)`,
        "update role_title set title = 'CEO with all rights'",
        "select 1 from person where title like 'CEO%'",
      ],
    ],
    [
      'of another row, beside a default',
      [
        'with a as (insert into price (id) values (50)) insert into deal values (1, 7)',
        'update quote set amount = 1000000',
        'select 1 from price where amount = 1000000',
      ],
    ],
    [
      'of another row, by a trigger of the whole table that has the partition',
      [
        'update part set at = now() where id = 1',
        "update wanted set at = '1999-12-31'",
        "select 1 from part where at = '1999-12-31'",
      ],
    ],
    [
      'that carries what the statement read elsewhere',
      [
        'update login set pw = (select pw from staging) where id = 1',
        "update staging set pw = 'known to the attacker'",
        "select 1 from login where hash = split_part(hash, ':', 1) || ':' || md5(split_part(hash, ':', 1) || 'known to the attacker')",
      ],
    ],
    [
      'that carries the clock of a view elsewhere',
      [
        "insert into inbox select 1, case when ms % 2 = 0 then 'pay ' || ms else 'do not pay ' || ms end from tick",
        'select 1',
        'select 1 from outbox',
      ],
    ],
    [
      'of the same row, a time of the statement',
      [
        'update item set at = now() where id = 1',
        "insert into override (id, at) values (1, '1999-12-31')",
        "select 1 from item where at = '1999-12-31'",
      ],
    ],
    [
      'of the same row, a time by default',
      [
        "insert into item (id, title) values (2, 'two')",
        "insert into override (id, at) values (2, '1999-12-31')",
        "select 1 from item where at = '1999-12-31'",
      ],
    ],
    [
      'of the same row, a number by default',
      [
        "insert into item (id, title) values (3, 'three')",
        'insert into override (id, number) values (3, 1000000)',
        'select 1 from item where number = 1000000',
      ],
    ],
  ])('never lets in what somebody changed meanwhile: %s', async (_name, [statement, meanwhile, found]) => {
    const outcome = await executed(statement, meanwhile);
    expect(await bank.rows(found)).toEqual([]);
    expect(outcome).toMatch(/^(refused|drifted)/);
  });

  it.each([
    ['a time by a trigger', 'update touched set v = v + 1'],
    ['times, numbers and tokens by default', "insert into item (id, title) values (10, 'ten')"],
    ['a time of the statement', 'update item set at = now() where id = 10'],
    ['a later time of the statement', "update item set at = now() + interval '30 days' where id = 10"],
    ['what a trigger makes of the written value', "update login set pw = 'chosen' where id = 1"],
    ['what a trigger writes to a log', 'update account set balance = balance + 10 where id = 1'],
  ])('is what triggers may make besides: %s', async (_name, statement) => {
    expect(await executed(statement)).toBe('succeeded');
  });
});
