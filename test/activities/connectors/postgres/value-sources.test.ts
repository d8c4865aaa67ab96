import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

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
  create type pair as (owner text, balance numeric);
  create table flag (is_on boolean);
  insert into flag values (false);
  create table gift (id bigint generated always as identity primary key, owner text default 'nobody',
                     balance numeric default 0, day date, at timestamptz default now(), made uuid default gen_random_uuid(),
                     unique (owner));
  insert into gift (owner) values ('ada');
  create table gift_part (gift_id bigint references gift, owner text, at timestamptz default now());
  create table swapped (balance numeric default 0, owner text) inherits (gift);
  create view gift_view as select * from gift;
  create table mover (id int primary key, a numeric, b numeric);
  insert into mover values (1, 0, 0);
  create function move_a() returns trigger language plpgsql as $$ begin new.b := new.a; new.a := 0; return new; end $$;
  create trigger mover_moves before insert or update on mover for each row execute function move_a();
  grant select, insert, update, delete on gift, gift_part, swapped, mover to WRITER;
  grant select on flag, gift_view to WRITER;
  grant select on all tables in schema public to OBSERVER;`;

/** A value that is another one in each rehearsal, and yet another one when somebody turns the flag. */
const DRAW = 'case when (select is_on from flag) then 1000000 else (random() * 1000)::int end';
const CLOCKED =
  'case when (select is_on from flag) then 1000000 else extract(microseconds from clock_timestamp())::int end';
const TIMED =
  'case when (select is_on from flag) then 1000000 else extract(microseconds from now())::int end';

const FORMS: readonly string[] = [
  "update gift set (owner, balance) = row(f.*) from (select 'x' o, VALUE b) f",
  "update gift set (owner, balance) = (select 'x', VALUE)",
  "update gift set (owner, balance) = row((f.x).*) from (select row('x', VALUE)::pair as x) f",
  'update gift set balance = f.b from (select VALUE b) f',
  "insert into gift (owner, balance) select (f).* from (select row('x', VALUE)::pair as f) s",
  "insert into gift (owner, balance) select f.* from (select 'x', VALUE) f",
  "insert into gift (owner, balance) values ('x', default), ('y', VALUE)",
  "insert into gift (id, owner) overriding system value select VALUE, 'x'",
  "insert into gift (id, owner) overriding user value select VALUE, 'x'",
  "insert into gift (owner, balance) values ('ada', 1) on conflict (owner) do update set balance = VALUE",
  "insert into gift (owner, balance) values ('ada', VALUE) on conflict (owner) do update set balance = excluded.balance",
  "merge into gift using (select 'x' o, VALUE b) f on gift.owner = f.o when not matched then insert (owner, balance) values (f.*)",
  "merge into gift using (select 'ada' o, VALUE b) f on gift.owner = f.o when matched then update set (owner, balance) = row(f.*)",
  'with x as (select VALUE as v) update gift set balance = x.v from x',
  'with x as (update gift set balance = VALUE returning *) select 1 from x',
  'with x as (update mover set a = VALUE returning a) insert into gift (balance) select a from x',
  'update gift set balance = (select max(v) from (values (VALUE)) t(v))',
  'update mover set a = VALUE',
  'insert into mover (id, a) values (2, VALUE)',
  'with x as (select now() as t, VALUE as v) update mover set a = x.v from x',
].flatMap((form) => [DRAW, CLOCKED, TIMED].map((value) => form.replaceAll('VALUE', value)));

describe('a value that nobody saw', () => {
  it.each(FORMS)('is refused: %s', async (statement) => {
    const call = bank.call(statement, { allowed_functions: ['public.move_a'] });
    expect(await connector.plan(call)).toMatchObject({ kind: 'refused', code: 'not_previewable' });
  });

  it('is refused where a condition on the clock chooses what a trigger then writes', async () => {
    const statement =
      'update mover set a = s.v from (values (0), (1)) s(v) where s.v = extract(microseconds from now())::int % 2';
    const call = bank.call(statement, { allowed_functions: ['public.move_a'] });
    expect(await connector.plan(call)).not.toMatchObject({
      plan: { effects: [{ assigned_columns: expect.arrayContaining(['b']) }] },
    });
  });

  it('is refused where one new key would tie rows together unseen', async () => {
    const statement = `with p as (insert into gift (owner) values ('a'), ('b') returning id, owner)
      insert into gift_part (gift_id, owner) select p.id, s.owner from p join account s on true`;
    expect(await connector.plan(bank.call(statement))).toMatchObject({
      kind: 'refused',
      code: 'not_previewable',
    });
  });
});

describe('what a trigger could carry into a column that nobody compares', () => {
  it.each([
    'with x as (insert into gift (owner) values ($$q$$) returning id) update mover set a = VALUE from x',
    'with x as (insert into gift (owner) values ($$q$$), ($$r$$) returning id) update mover set a = VALUE from x',
    'with x as (update gift set made = gen_random_uuid() returning ascii(made::text) as id) update mover set a = VALUE from x',
    'with x as (update gift set at = now() returning extract(microseconds from at)::int as id) update mover set a = VALUE from x',
    'with x as (insert into gift (owner) values ($$q$$) returning id), y as (select max(id) as id from x) update mover set a = VALUE from y as x',
    'with x as (insert into gift (owner) values ($$q$$) returning id) update mover set a = (select VALUE from x)',
  ])('is refused: %s', async (form) => {
    const value = 'case when (select is_on from flag) then 1000000 else x.id + 1 end';
    const call = bank.call(form.replace('VALUE', value), { allowed_functions: ['public.move_a'] });
    expect(await connector.plan(call)).toMatchObject({ kind: 'refused', code: 'not_previewable' });
  });
});

describe('a value that is assigned when the statement runs', () => {
  it.each([
    ["insert into gift (owner, at) values ('x', now() + interval '30 days')", ['at', 'id', 'made']],
    ["insert into gift (owner, at) select 'x', localtimestamp at time zone 'utc'", ['at', 'id', 'made']],
    ['update gift set day = current_date', ['day']],
    ["update gift set at = date_trunc('second', now())", ['at']],
    ["update gift set at = date_trunc('day', now()) + interval '1 day' - interval '1 second'", ['at']],
    ['update gift set at = current_timestamp(0)', ['at']],
    ['update gift set day = now()::date + 30', ['day']],
    [`update gift set owner = to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS')`, ['owner']],
    ["update gift set owner = 'closed at ' || to_char(now(), 'YYYY-MM-DD')", ['owner']],
    ["update gift set owner = gen_random_uuid()::text where owner = 'ada'", ['owner']],
    ['update gift set at = t.at from (select now() at) t', ['at']],
    [
      "insert into gift (owner, at) values ('ada', now()) on conflict (owner) do update set at = excluded.at",
      ['at'],
    ],
    ['insert into gift_part select * from (select id, owner from gift) t', ['at']],
    [
      "with p as (insert into gift (owner) values ('z') returning id) insert into gift_part (gift_id, owner) select id, 'z' from p",
      ['at', 'id', 'made'],
    ],
    [
      "with p as (insert into gift (owner) values ('z') returning id) insert into gift_part (gift_id) values ((select id from p))",
      ['at', 'id', 'made'],
    ],
    ["delete from gift where at < now() + interval '1 day'", []],
    ['update gift set balance = case when at < now() then 1 else 2 end', []],
  ])('is left out by its expression: %s', async (statement, columns) => {
    const outcome = await connector.plan(bank.call(statement));
    expect(outcome).toMatchObject({ kind: 'planned' });
    if (outcome.kind !== 'planned') return;
    const gift =
      outcome.plan.effects.find(({ resource }) => resource !== 'public.gift_part') ?? outcome.plan.effects[0];
    expect([...(gift?.assigned_columns ?? [])].sort()).toEqual(columns);
    expect(await connector.execute(bank.approved(outcome.plan))).toMatchObject({ kind: 'succeeded' });
    await bank.admin.query("truncate gift, gift_part, swapped; insert into gift (owner) values ('ada')");
  });

  it('is shown with its expression', async () => {
    const outcome = await connector.plan(bank.call("update gift set at = now() + interval '30 days'"));
    expect(outcome).toMatchObject({
      plan: {
        warnings: expect.arrayContaining(["public.gift.at is fixed when executed: (now() + '30 days')."]),
      },
    });
  });

  it.each([
    'update gift set balance = extract(epoch from now())',
    `update gift set owner = to_char(now(), '"superuser"')`,
    "update gift set owner = to_char(now(), 'guest')",
    'update gift set at = clock_timestamp()',
    'update gift set balance = random()',
    'delete from gift where random() < 0.5',
  ])('is not what is calculated or made up: %s', async (statement) => {
    expect(await connector.plan(bank.call(statement))).toMatchObject({
      kind: 'refused',
      code: 'not_previewable',
    });
  });
});
