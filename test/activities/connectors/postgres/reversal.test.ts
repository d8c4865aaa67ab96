import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { JsonValue } from '../../../../domain/canonical-json.ts';
import type { Plan } from '../../../../domain/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();
const LISTED = { allowed_functions: ['public.stamp', 'public.log_account', 'public.block'] };

const SCHEMA = `
  create type pair as (a int, b text);
  create table typed (id int primary key, tags text[], bounds int[], p pair, j json, b bytea, f float8, i interval,
                      c char(3), at timestamptz, r int4range, v text, twice int generated always as (id * 2) stored);
  insert into typed (id, tags, bounds, p, j, b, f, i, c, at, r, v)
    values (1, '{"a,b",NULL,"NULL"}', '[0:1]={1,2}', '(1,"x,''y")', '{"a":1,"a":2}', '\\x00ff', '-0', '1 day', 'a',
            '2026-01-01 00:00:00.123456+02', '[1,5)', E'it''s \\\\ "quoted"\\n');
  create table numbered (id int generated always as identity primary key, v text);
  insert into numbered (v) values ('one'), ('two');
  create table owner (id int primary key, name text);
  create table pet (id int primary key, owner_id int not null references owner on update cascade on delete cascade);
  create table a_visit (id int primary key, pet_id int not null references pet on delete cascade);
  insert into owner values (1, 'ann'), (2, 'bob');
  insert into pet values (1, 1), (2, 1);
  insert into a_visit values (1, 1), (2, 2);
  create table loose (id int primary key, owner_id int references owner on delete set null);
  insert into loose values (1, 2);
  create table stamped (id int primary key, v text, at timestamptz);
  insert into stamped values (1, 'a', '2020-01-01');
  create function stamp() returns trigger language plpgsql as $$ begin new.at := clock_timestamp(); return new; end $$;
  create trigger stamped_stamp before update on stamped for each row execute function stamp();
  create table kept (id int primary key, at timestamptz, token uuid);
  insert into kept values (1, '2020-01-01', 'aaaaaaaa-0000-0000-0000-000000000000');
  create table moving (id int, region text, primary key (id, region)) partition by list (region);
  create table moving_north partition of moving for values in ('north');
  create table moving_south partition of moving for values in ('south');
  insert into moving values (1, 'north');
  create table wordy (id int primary key, v text);
  insert into wordy values (1, repeat('x', 200000));
  create table bag (v text);
  insert into bag values ('a'), ('a');
  create table oneway (id int primary key, v text);
  create function block() returns trigger language plpgsql as $$ begin raise exception 'never again'; end $$;
  create trigger oneway_insert before insert on oneway for each row execute function block();
  alter table oneway disable trigger oneway_insert;
  insert into oneway values (1, 'a');
  alter table oneway enable trigger oneway_insert;
  create table hidden_way (id int primary key);
  create function unlisted() returns trigger language plpgsql as $$ begin return new; end $$;
  insert into hidden_way values (1);
  create trigger hidden_way_insert before insert on hidden_way for each row execute function unlisted();`;

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`${SCHEMA}
    grant select, insert, update, delete on all tables in schema public to ${bank.statementRole};
    grant select on all tables in schema public to ${bank.observerRole};`);
});

afterAll(async () => {
  await bank.stop();
});

async function planned(statement: string, connection?: Readonly<Record<string, JsonValue>>): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement, connection));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

/** Every row of every table as text: some types have no order. */
async function contents(): Promise<string> {
  const tables = await bank.rows<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
  );
  const texts = tables.map(
    ({ name }) =>
      `select '${name}' as name, array_agg(t::text order by t::text)::text as rows from ${name} t`,
  );
  return JSON.stringify(await bank.rows(texts.join(' union all ')));
}

describe('a way back', () => {
  it.each([
    [
      'values of every type',
      "update typed set tags = '{}', bounds = null, p = null, j = '1', b = null, f = 1, i = null, c = 'z', at = now(), r = null, v = ''",
    ],
    ['a deleted row of every type', 'delete from typed'],
    ['a deleted row whose key the server assigns', 'delete from numbered where id = 1'],
    ['deleted parents with their children, in the order of references', 'delete from owner where id = 1'],
    ['a reference that was set to null', 'delete from owner where id = 2'],
    ['a changed key with all that follows it', 'update owner set id = 10 where id = 1'],
    ['a row that moved to another partition', "update moving set region = 'south' where id = 1"],
    [
      'what MERGE did',
      "merge into owner using (values (1, 'x'), (7, 'y')) v(id, name) on owner.id = v.id when matched then update set name = v.name when not matched then insert values (v.id, v.name)",
    ],
    ['old values of columns assigned when it runs', 'update kept set at = now(), token = gen_random_uuid()'],
    ['new rows', "insert into owner values (20, 'new'), (21, null)"],
    ['deleted rows without a key', 'delete from bag'],
  ])('restores %s', async (_what, statement) => {
    const before = await contents();
    const plan = await planned(statement);
    expect(plan.reversal).toMatchObject({ is_possible: true, steps: expect.any(Array) });
    expect(await contents()).toBe(before);
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
    expect(await contents()).not.toBe(before);
    await bank.admin.query((plan.reversal.steps ?? []).join(';\n'));
    expect(await contents()).toBe(before);
  });

  it.each<[string, string, string, Readonly<Record<string, JsonValue>>?]>([
    ['triggers act again', "update stamped set v = 'b'", 'leaves public.stamped changed'],
    [
      'a trigger wrote rows whose keys are not known',
      'update account set balance = 1 where id = 1',
      'get their keys',
    ],
    ['rows cannot be told apart', "insert into bag values ('a')", 'Nothing tells the new rows'],
    ['a trigger is in the way', 'delete from oneway', 'refused by the target (P0001)'],
    ['it would call what nobody vouches for', 'delete from hidden_way', 'not on the target'],
    ['a value is too long to be recorded', "update wordy set v = ''", 'too long'],
    ['not all rows are shown', 'delete from bag', 'not all recorded', { row_limit: 1 }],
  ])('is only claimed where it was proven: %s', async (...[, statement, reason, more]) => {
    const plan = await planned(statement, { ...LISTED, ...more });
    expect(plan.reversal.is_possible).toBe(false);
    expect(plan.reversal.steps).toBeUndefined();
    expect(plan.reversal.how).toContain(reason);
    expect(plan.risk_facts.is_reversible).toBe(false);
  });

  it('shows old values of assigned columns, which would be lost otherwise', async () => {
    const plan = await planned('update kept set at = now(), token = gen_random_uuid()');
    expect(plan.effects[0]?.rows).toEqual([
      {
        key: 'id=1',
        before: { at: '2020-01-01 00:00:00+00', token: 'aaaaaaaa-0000-0000-0000-000000000000' },
        after: {},
      },
    ]);
  });
});
