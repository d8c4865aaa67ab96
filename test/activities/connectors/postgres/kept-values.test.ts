import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`
    create table seat (id int primary key, holder text, at timestamptz default now(), week int default 1,
                       late timestamp generated always as (at at time zone 'UTC' + interval '1 day') stored,
                       label text generated always as (holder || '!') stored);
    insert into seat (id, holder, at) values (1, 'one', '2026-01-01'), (2, 'two', '2026-01-01');
    create table numbered (id int generated always as identity primary key, name text unique, n int);
    insert into numbered (name, n) values ('a', 1), ('b', 2);
    create table parcel (id int generated always as identity, zone int, what text, at timestamptz default now(),
                         primary key (id, zone)) partition by list (zone);
    create table parcel_near partition of parcel for values in (1);
    create table parcel_far (at timestamptz default now(), what text, zone int not null, id int not null);
    alter table parcel attach partition parcel_far for values in (2);
    insert into parcel (zone, what, at) values (1, 'x', '2026-01-01'), (1, 'y', '2026-01-01'), (2, 'z', '2026-01-01');
    create table change (id int, what text);
    insert into change values (1, 'first'), (2, 'second'), (99, 'new');
    grant select, insert, update, delete on seat, numbered, parcel, change to ${bank.statementRole};
    grant select on seat, numbered, parcel, parcel_near, parcel_far, change to ${bank.observerRole};`);
});

afterAll(async () => {
  await bank.stop();
});

async function planned(statement: string): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

const MOVING = `
  merge into parcel using change on parcel.id = change.id
   when matched then update set zone = 2, what = change.what
   when not matched then insert (zone, what) values (2, change.what)`;

describe('a row that was there before keeps what no update sets', () => {
  it.each([
    {
      what: 'where new rows get a default, and what is computed from it',
      statement:
        "insert into seat (id, holder) values (1, 'me'), (10, 'new') on conflict (id) do update set holder = excluded.holder",
      row: { before: { holder: 'one', label: 'one!' }, after: { holder: 'me', label: 'me!' } },
      assigned: ['at', 'late'],
    },
    {
      what: 'where new rows get an identity',
      statement:
        "insert into numbered (name, n) values ('a', 5), ('c', 5) on conflict (name) do update set n = excluded.n",
      row: { before: { n: '1' }, after: { n: '5' } },
      assigned: ['id'],
    },
    {
      what: 'and not what is computed from a time that the update sets',
      statement:
        "insert into seat (id, holder) values (1, 'one'), (11, 'new') on conflict (id) do update set at = now()",
      row: { before: { at: '2026-01-01 00:00:00+00', late: '2026-01-02 00:00:00' }, after: {} },
      assigned: ['at', 'late'],
    },
  ])('$what', async ({ statement, row, assigned }) => {
    const { effects } = await planned(statement);
    expect(effects[0]).toMatchObject({ inserted: 1, updated: 1, assigned_columns: assigned });
    const updated = effects[0]?.rows.filter(({ before, after }) => before !== null && after !== null);
    expect(updated).toEqual([{ key: expect.any(String) as string, ...row }]);
  });

  it('and is no part of the effect where it ends as it was, nor of the way back', async () => {
    const statement =
      "insert into seat (id, holder) values (2, 'two'), (12, 'x') on conflict (id) do update set holder = excluded.holder";
    const { effects, reversal } = await planned(statement);
    expect(effects[0]).toMatchObject({ inserted: 1, updated: 0 });
    expect(reversal).toMatchObject({ is_possible: true, steps: [expect.stringMatching(/^delete /)] });
  });

  it('also where it moves to another partition beside new rows: it is shown whole, and said to have moved', async () => {
    const plan = await planned(MOVING);
    const far = plan.effects.find(({ resource }) => resource === 'public.parcel_far');
    expect(far?.rows.map(({ after }) => after)).toEqual([
      { id: '1', zone: '2', what: 'first', at: '2026-01-01 00:00:00+00' },
      { id: '2', zone: '2', what: 'second', at: '2026-01-01 00:00:00+00' },
      { zone: '2', what: 'new' },
    ]);
    expect(plan.warnings).toContain(
      'Of the rows inserted into public.parcel_far, 2 moved there from other partitions, where they stand as deleted.',
    );
  });

  it('and where it comes from a partition that nobody may read, rows beside it are only counted', async () => {
    await bank.admin.query(`revoke select on parcel_near from ${bank.observerRole}`);
    const plan = await planned(MOVING);
    await bank.admin.query(`grant select on parcel_near to ${bank.observerRole}`);
    const far = plan.effects.find(({ resource }) => resource === 'public.parcel_far');
    expect(far).toMatchObject({ is_counts_only: true, inserted: 3, rows: [], assigned_columns: [] });
    expect(JSON.stringify(plan)).toContain(
      'rows may have moved there from a table whose rows are only counted',
    );
  });

  it('and that is bound: other values for the rows that move are drift', async () => {
    await bank.admin.query(
      "update change set what = case id when 1 then 'first' else 'second' end where id < 3",
    );
    const plan = await planned(MOVING);
    await bank.admin.query(
      "update change set what = case id when 1 then 'second' else 'first' end where id < 3",
    );
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'drifted' });
    expect(await connector.execute(bank.approved(await planned(MOVING)))).toMatchObject({
      kind: 'succeeded',
    });
    expect(await bank.rows('select id, what from parcel where id < 3 order by id')).toEqual([
      { id: 1, what: 'second' },
      { id: 2, what: 'first' },
    ]);
  });

  it.each([
    { what: 'gets another key', key: 'primary key' },
    { what: 'has no key', key: '' },
  ])('also where it $what: what it keeps is shown and bound', async ({ key }) => {
    await bank.admin.query(`
      drop table if exists locker, swap;
      create table locker (id int ${key}, what text, at timestamptz default now());
      insert into locker values (1, 'x', '2026-01-01'), (2, 'y', '2026-01-02');
      create table swap (id int, new_id int, what text);
      insert into swap values (1, 11, 'first'), (2, 12, 'second'), (99, 20, 'new');
      grant select, insert, update on locker, swap to ${bank.statementRole};
      grant select on locker, swap to ${bank.observerRole}`);
    const statement = `
      merge into locker using swap on locker.id = swap.id
       when matched then update set id = new_id, what = swap.what
       when not matched then insert (id, what) values (new_id, swap.what)`;
    const plan = await planned(statement);
    const after = plan.effects[0]?.rows.flatMap((row) => (row.after === null ? [] : [row.after]));
    expect(after?.map(({ what, at }) => [what, at])).toEqual(
      expect.arrayContaining([
        ['first', '2026-01-01 00:00:00+00'],
        ['second', '2026-01-02 00:00:00+00'],
        ['new', undefined],
      ]),
    );
    await bank.admin.query(
      "update swap set new_id = 23 - new_id, what = case id when 1 then 'second' else 'first' end where id < 3",
    );
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'drifted' });
    expect(await connector.execute(bank.approved(await planned(statement)))).toMatchObject({
      kind: 'succeeded',
    });
    expect(
      await bank.rows("select what, at::date::text from locker where what <> 'new' order by at"),
    ).toEqual([
      { what: 'second', at: '2026-01-01' },
      { what: 'first', at: '2026-01-02' },
    ]);
  });

  it('also where it moves and a trigger of the server itself sets what is searched', async () => {
    await bank.admin.query(`
      drop table if exists memo, edit;
      create table memo (id int, zone int, body text, words tsvector, at timestamptz default now()) partition by list (zone);
      create table memo_near partition of memo for values in (1);
      create table memo_far partition of memo for values in (2);
      create trigger reads before insert or update on memo
        for each row execute function tsvector_update_trigger(words, 'pg_catalog.english', body);
      insert into memo (id, zone, body, at) values (1, 1, 'x', '2026-01-01');
      create table edit (id int, body text);
      insert into edit values (1, 'first'), (99, 'new');
      grant select, insert, update, delete on memo, edit to ${bank.statementRole};
      grant select on memo, memo_near, memo_far, edit to ${bank.observerRole}`);
    const plan = await planned(`
      merge into memo using edit on memo.id = edit.id
       when matched then update set zone = 2, body = edit.body
       when not matched then insert (id, zone, body) values (edit.id, 2, edit.body)`);
    const far = plan.effects.find(({ resource }) => resource === 'public.memo_far');
    expect(far?.rows.map(({ after }) => after)).toEqual(
      expect.arrayContaining([
        { id: '1', zone: '2', body: 'first', words: "'first':1", at: '2026-01-01 00:00:00+00' },
        { id: '99', zone: '2', body: 'new', words: "'new':1" },
      ]),
    );
  });

  it('also where it moves and grows so long that not all of it is held', async () => {
    await bank.admin.query(`
      drop table if exists crate, fill;
      create table crate (id int, zone int, what text, note text, at timestamptz default now()) partition by list (zone);
      create table crate_near partition of crate for values in (1);
      create table crate_far partition of crate for values in (2);
      insert into crate values (1, 1, 'x', repeat('n', 10000), '2026-01-01');
      create table fill (id int, what text);
      insert into fill values (1, repeat('w', 70000)), (99, 'new');
      grant select, insert, update, delete on crate, fill to ${bank.statementRole};
      grant select on crate, crate_near, crate_far, fill to ${bank.observerRole}`);
    const plan = await planned(`
      merge into crate using fill on crate.id = fill.id
       when matched then update set zone = 2, what = fill.what
       when not matched then insert (id, zone, what) values (fill.id, 2, fill.what)`);
    const far = plan.effects.find(({ resource }) => resource === 'public.crate_far');
    expect(far?.rows.flatMap(({ after }) => (after === null ? [] : [[after['id'], after['at']]]))).toEqual(
      expect.arrayContaining([
        ['1', '2026-01-01 00:00:00+00'],
        ['99', undefined],
      ]),
    );
  });
});
