import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

/** Types with pairs of values that casts to JSON or text print alike, or that compare as equal. */
const PAIRS: readonly (readonly [type: string, left: string, right: string])[] = [
  ['json', `'{"admin": false}'`, `'{"admin": true, "admin": false}'`],
  ['json', `'{"a": 1, "b": 2}'`, `'{"b": 2, "a": 1}'`],
  ['json', `'{"a": 1}'`, `'{"a":1}'`],
  ['json', `'1'`, `'1.0'`],
  ['json', `'"\\u0000"'`, `'"\\u0001"'`],
  ['json', `'1e999999'`, `'1e999998'`],
  ['json', `'null'`, `null`],
  ['jsonb', `'null'`, `null`],
  ['jsonb', `'1'`, `'"1"'`],
  ['jsonb', `'false'`, `'"false"'`],
  ['jsonb', `'{"a": 1}'`, `'"{\\"a\\": 1}"'`],
  ['jsonb', `'1.0'`, `'1.00'`],
  ['text', `''`, `null`],
  ['text', `'null'`, `null`],
  ['int[]', `'{1,2}'`, `'[0:1]={1,2}'`],
  ['int[]', `'{}'`, `null`],
  ['text[]', `'{NULL}'`, `'{"NULL"}'`],
  ['float8', `'0'`, `'-0'`],
  ['float8', `0.1::float8`, `0.1::float8 + 1e-17::float8 * 2`],
  ['float4', `'0.1'`, `'0.10000001'`],
  ['numeric', `1.0`, `1.00`],
  ['interval', `'1 day'`, `'24 hours'`],
  ['pair', `'(1,)'`, `'(1,"")'`],
  ['pair', `'(,)'`, `null`],
  ['disguised', `'(1)'`, `'(2)'`],
  ['citext_like', `'a'`, `'A'`],
  [
    'regproc',
    `'overloaded(int)'::regprocedure::oid::regproc`,
    `'overloaded(text)'::regprocedure::oid::regproc`,
  ],
  ['money', `'1.00'::money`, `'1.01'::money`],
  ['bytea', `'\\x00'`, `'\\x'`],
  ['char(3)', `'a'`, `'b'`],
  ['timestamptz', `'2026-01-01 00:00:00.000001+00'`, `'2026-01-01 00:00:00.000002+00'`],
  ['jsonb', `'{"__proto__": 1}'`, `'{"__proto__": 2}'`],
];

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`
    create type pair as (a int, b text);
    create type disguised as (a int);
    create function disguise(disguised) returns json language sql immutable as $$ select '"same"'::json $$;
    create cast (disguised as json) with function disguise(disguised);
    create collation folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    create domain citext_like as text collate folded;
    create domain operator_name as regoper;
    create type job_step as (name text, runs regproc);
    create function overloaded(int) returns int language sql as 'select 1';
    create function overloaded(text) returns int language sql as 'select 1';
    alter database ${new URL(bank.adminUrl).pathname.slice(1)} set extra_float_digits = -15;`);
  const { statementRole, observerRole } = bank;
  for (const [index, [type, left]] of PAIRS.entries()) {
    await bank.admin.query(`
      create table source_${index} (id int primary key, v ${type});
      insert into source_${index} values (1, ${left});
      create table sink_${index} (id int primary key, v ${type});
      insert into sink_${index} values (1, null);
      grant select on source_${index} to ${statementRole};
      grant select, insert, update, delete on sink_${index} to ${statementRole};
      grant select on source_${index}, sink_${index} to ${observerRole};`);
  }
});

afterAll(async () => {
  await bank.stop();
});

/** Its cast to json is the owner's code. */
const ALLOWED = { allowed_functions: ['public.disguise'] };

async function planned(statement: string, connection = {}): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement, connection));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

describe('the value of a column', () => {
  it.each(PAIRS.map((pair, index) => ({ index, type: pair[0], left: pair[1], right: pair[2] })))(
    'is never another one than approved: $type $left against $right',
    async ({ index, right }) => {
      const statement = `insert into sink_${index} select 2, v from source_${index}`;
      const plan = await planned(statement, ALLOWED);
      expect(plan.effects).toMatchObject([{ inserted: 1, is_counts_only: false }]);
      await bank.admin.query(`update source_${index} set v = ${right}`);
      const changed = await planned(statement, ALLOWED);
      expect(changed.fingerprint).not.toBe(plan.fingerprint);
      expect(changed.effects[0]?.rows).not.toEqual(plan.effects[0]?.rows);
      expect(await connector.execute(bank.approved(plan, bank.call(statement, ALLOWED)))).toMatchObject({
        kind: 'drifted',
      });
      expect(await connector.execute(bank.approved(changed, bank.call(statement, ALLOWED)))).toMatchObject({
        kind: 'succeeded',
      });
    },
  );
});

describe('a table with values that read alike inside of other types', () => {
  it.each([
    ['an array of functions', 'regproc[]'],
    ['a domain of operators', 'operator_name'],
    ['a composite', 'job_step'],
    ['an array of a composite', 'job_step[]'],
    ['an array of xml', 'xml[]'],
  ])('is counted, not shown: %s', async (_name, type) => {
    await bank.admin.query(`drop table if exists held; create table held (id int primary key, v ${type});
      grant select, insert on held to ${bank.statementRole}; grant select on held to ${bank.observerRole};`);
    const { effects } = await planned('insert into held values (1, null)');
    expect(effects).toMatchObject([{ inserted: 1, is_counts_only: true }]);
  });
});

describe('the key of a row', () => {
  it.each([
    ['jsonb', [`'1'`, `'"1"'`, `'null'`, `'"null"'`, `'[1]'`]],
    ['int[]', [`'{1,2}'`, `'[0:1]={1,2}'`, `'{1}'`]],
    ['text', [`'a, b'`, `'a'`, `'"a"'`, `'null'`, `''`]],
    ['float8', [`'NaN'`, `'Infinity'`, `0.1::float8`, `0.1::float8 + 2e-17::float8`]],
    [
      'regproc',
      [`'overloaded(int)'::regprocedure::oid::regproc`, `'overloaded(text)'::regprocedure::oid::regproc`],
    ],
    ['citext_like', [`'a'`, `'b'`]],
  ])('of type %s loses no row', async (type, keys) => {
    await bank.admin.query(`
      drop table if exists keyed;
      create table keyed (k ${type} primary key, n int);
      insert into keyed values ${keys.map((key) => `(${key}, 1)`).join(', ')};
      grant select, update, delete on keyed to ${bank.statementRole};
      grant select on keyed to ${bank.observerRole};`);
    for (const statement of ['update keyed set n = 2', 'delete from keyed']) {
      const plan = await planned(statement);
      expect(plan.effects).toMatchObject([{ is_counts_only: false }]);
      expect(new Set(plan.effects[0]?.rows.map(({ key }) => key)).size).toBe(keys.length);
    }
  });
});

describe('a row', () => {
  it('is read whole although a value is too long to be shown, and is told apart by its digest', async () => {
    const statement = "update account set note = repeat('x', 100000) || owner where id = 1";
    const plan = await planned(statement);
    const [row] = plan.effects[0]?.rows ?? [];
    expect(row?.after).toMatchObject({ note: { bytes: expect.any(Number), sha256: expect.any(String) } });
    expect(row?.key).toBe('id=1');
    await bank.admin.query("update account set owner = 'another' where id = 1");
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'drifted' });
    await bank.admin.query("update account set owner = 'person 1' where id = 1");
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
  });

  it('that is written twice by one statement shows what is left of it', async () => {
    await bank.admin.query(`
      create table twice (id int primary key, n int);
      create function again() returns trigger language plpgsql security definer as $$
        begin
          if new.n < 10 then update twice set n = n + 10 where id = new.id; end if;
          return null;
        end $$;
      create trigger twice_again after insert or update on twice for each row execute function again();
      grant select, insert, update on twice to ${bank.statementRole};
      grant select on twice to ${bank.observerRole};`);
    const call = bank.call('insert into twice values (1, 1)', { allowed_functions: ['public.again'] });
    expect(await connector.plan(call)).toMatchObject({
      plan: {
        effects: [
          {
            inserted: 1,
            updated: 0,
            is_counts_only: false,
            rows: [{ key: 'id=1', before: null, after: { id: '1', n: '11' } }],
          },
        ],
      },
    });
  });

  it('that others hold a share lock on is read all the same', async () => {
    const plan = await planned("update card set number = 'shared' where id = 2");
    await bank.admin.query('begin; select 1 from card where id = 2 for key share');
    const held = await planned("update card set number = 'shared' where id = 2");
    await bank.admin.query('rollback');
    expect(held.effects).toMatchObject([{ updated: 1, is_counts_only: false }]);
    expect(held.fingerprint).toBe(plan.fingerprint);
  });

  it.each([
    ['change other rows of its table', 'update busy set n = n + 1 where id = 2 + turn % 1999'],
    ['lock it for their foreign keys', 'perform from busy where id = 1 for key share'],
  ])('is read whole while others %s, one after the other', async (_what, does) => {
    await bank.admin.query(`
      drop table if exists busy, still_busy; create table busy (id int primary key, n int); create table still_busy (id int);
      insert into busy select n, 0 from generate_series(1, 2000) n; insert into still_busy values (1);
      create or replace procedure keep_busy() language plpgsql as $$ declare turn int := 0; begin
        while exists (select from still_busy) loop turn := turn + 1; ${does}; commit; end loop; end $$;
      grant select, update on busy to ${bank.statementRole}; grant select on busy to ${bank.observerRole}`);
    const other = new Client({ connectionString: bank.adminUrl });
    await other.connect();
    const busy = other.query('call keep_busy()');
    const plans: Plan[] = [];
    try {
      for (let turn = 0; turn < 5; turn += 1) plans.push(await planned('update busy set n = 9 where id = 1'));
    } finally {
      await bank.admin.query('delete from still_busy');
      await busy;
      await other.end();
    }
    const whole = { updated: 1, is_counts_only: false, rows: [{ before: { n: '0' }, after: { n: '9' } }] };
    for (const { effects } of plans) expect(effects).toMatchObject([whole]);
  });

  it('that was written twice is read, however many old locks there are, and with other holders', async () => {
    await bank.admin.query(`
      create table marked (id int primary key, v text); insert into marked select n, 'a' from generate_series(1, 200) n;
      create function mark_again() returns trigger language plpgsql as $$ begin
        if pg_trigger_depth() = 1 then update public.marked set v = new.v || '!' where id = new.id; end if; return null; end $$;
      create trigger twice after update on marked for each row execute function mark_again();
      grant select, update on marked to ${bank.statementRole}; grant select on marked to ${bank.observerRole}`);
    const other = new Client({ connectionString: bank.adminUrl });
    await other.connect();
    for (const client of [bank.admin, other]) await client.query('begin; select from marked for key share');
    for (const client of [bank.admin, other]) await client.query('commit');
    const reading = createPostgresConnector({ readRowsMax: 20 });
    const written = async (): Promise<unknown> => {
      const call = bank.call("update marked set v = 'x' where id = 1", {
        allowed_functions: ['public.mark_again'],
      });
      const outcome = await reading.plan(call);
      return outcome.kind === 'planned' ? outcome.plan.effects : outcome;
    };
    const whole = [{ updated: 1, is_counts_only: false, rows: [{ before: { v: 'a' }, after: { v: 'x!' } }] }];
    expect(await written()).toMatchObject(whole);
    await other.query('begin; select from marked where id = 1 for key share');
    expect(await written()).toMatchObject(whole);
    await other.query('rollback');
    await other.end();
  });
});
