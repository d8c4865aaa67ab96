import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

const SCHEMA = `
  create table tree (id int primary key, up int references tree on update cascade on delete set null, size int);
  insert into tree values (1, null, 1), (2, 1, 1), (3, 2, 9);
  create table bag (v text);
  insert into bag values ('a'), ('a'), ('b');
  create table item (id int primary key, n int, seen int default 0);
  insert into item values (1, 1), (2, 2);
  create function again() returns trigger language plpgsql as $$
    begin update item set seen = seen + 1 where id = new.id; return null; end $$;
  create trigger item_again after update of n on item for each row execute function again();
  create function undo() returns trigger language plpgsql as $$
    begin delete from passing where id = new.id; return null; end $$;
  create table passing (id int primary key);
  create trigger passing_undo after insert on passing for each row execute function undo();
  create table numbered (id serial primary key, name text unique);
  insert into numbered (name) values ('a'), ('b');
  create table cached (id int primary key default 0, name text);
  create sequence cached_id cache 10;
  alter table cached alter id set default nextval('cached_id');
  create table logged (id int primary key);
  create table log (id bigserial primary key, line text);
  create sequence line_number;
  create function note() returns trigger language plpgsql security definer as $$
    begin insert into log (line) values ('line ' || nextval('line_number')); return new; end $$;
  create trigger logged_note before insert on logged for each row execute function note();
  create table event (id int primary key, k int, v int); create table total (k int primary key, v int);
  insert into total values (1, 10), (2, 10);
  create table total_note (k int references total);
  create function adding() returns trigger language plpgsql security definer as $$ begin
    begin insert into public.total values (new.k, new.v);
    exception when unique_violation then update public.total set v = total.v + new.v where k = new.k; end;
    return null; end $$;
  create trigger event_adds after insert on event for each row execute function adding();
  create table job (id int primary key, what text, priority int);
  insert into job values (1, 'harmless', 1), (2, 'precious', 2), (3, 'kept', 3);
  create table turn (id int primary key, does text);
  create function take() returns trigger language plpgsql security definer as $$ declare taken public.job; begin
    select * into taken from public.job order by priority limit 1 for update;
    begin insert into public.job values (taken.id, 'again', 0); exception when unique_violation then null; end;
    begin
      if new.does = 'delete' then delete from public.job where id = taken.id;
      else update public.job set what = what || '!' where id = taken.id; end if;
    exception when division_by_zero then null; end;
    return null; end $$;
  create trigger turn_takes after insert on turn for each row execute function take();
  create table wide (id int primary key, a text, b text);
  insert into wide values (1, repeat('a (b)', 12000), 'x');
  create function skip() returns trigger language plpgsql as $$ begin return null; end $$;
  create table skipping (id serial primary key, name text);
  create trigger skipping_skip before insert on skipping for each row execute function skip();`;

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`${SCHEMA}
    grant select, insert, update, delete on all tables in schema public to ${bank.statementRole};
    grant usage on all sequences in schema public to ${bank.statementRole};
    grant select on all tables in schema public to ${bank.observerRole};`);
});

afterAll(async () => {
  await bank.stop();
});

async function planned(statement: string): Promise<Plan> {
  const names = ['again', 'undo', 'note', 'skip', 'adding', 'take'].map((name) => `public.${name}`);
  const outcome = await connector.plan(bank.call(statement, { allowed_functions: names }));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

function countsOf({ effects }: Plan): Readonly<Record<string, string>> {
  return Object.fromEntries(
    effects.map(({ resource, inserted, updated, deleted }) => [
      resource,
      `${inserted} ${updated} ${deleted}`,
    ]),
  );
}

describe('a plan counts rows that end otherwise than they were', () => {
  it.each<[string, string, Readonly<Record<string, string>>]>([
    [
      'a write that an exception takes back',
      'insert into event values (1, 1, 7)',
      { 'public.event': '1 0 0', 'public.total': '0 1 0' },
    ],
    ['a row written twice by a trigger', 'update item set n = n + 1', { 'public.item': '0 2 0' }],
    [
      'rows written by the statement and by cascades',
      'update tree set id = id * 10',
      { 'public.tree': '0 3 0' },
    ],
    ['a row set to null and deleted', 'delete from tree where id in (1, 2)', { 'public.tree': '0 1 2' }],
    ['some rows that have the value already', 'update tree set size = 9', { 'public.tree': '0 2 0' }],
    ['only rows that have the value already', 'update tree set size = size', {}],
    ['rows without a key that have the value already', "update bag set v = 'a'", { 'public.bag': '0 1 0' }],
    [
      'a row without a key that comes back',
      "with gone as (delete from bag where v = 'b' returning v) insert into bag select v from gone",
      {},
    ],
    ['a row that is inserted and deleted again', 'insert into passing values (1)', {}],
    [
      'a row that is deleted and inserted with other values',
      'with gone as (delete from item where id = 2 returning *) insert into item select id, n, 7 from gone',
      { 'public.item': '0 1 0' },
    ],
  ])('%s', async (_what, statement, counts) => {
    const plan = await planned(statement);
    expect(countsOf(plan)).toEqual(counts);
    const rows = plan.effects.reduce((sum, one) => sum + one.inserted + one.updated + one.deleted, 0);
    expect(plan.risk_facts).toMatchObject({ rows_changed: rows, resources_changed: plan.effects.length });
    // Of triggers that have fired nobody says that there is nothing to undo.
    const isUnseen = plan.summary.startsWith('Changes no table;');
    expect(plan.reversal.is_possible || plan.effects.length > 0 || isUnseen).toBe(true);
  });

  it('and binds those that end as they were: another one that would change is drift', async () => {
    const plan = await planned('update tree set size = 9');
    await bank.admin.query('update tree set size = 8 where id = 3');
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'drifted' });
    await bank.admin.query('update tree set size = 9 where id = 3');
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
  });
});

describe('values of sequences that planning uses up', () => {
  it.each([
    ['new rows', "insert into numbered (name) values ('x'), ('y')", 4],
    [
      'rows that meet a conflict and are updated',
      "insert into numbered (name) values ('a'), ('x') on conflict (name) do update set name = 'z'",
      4,
    ],
    [
      'rows that meet a conflict and are left out',
      "insert into numbered (name) values ('a'), ('x') on conflict (name) do nothing",
      4,
    ],
    [
      'only rows that are left out',
      "insert into numbered (name) values ('a'), ('b') on conflict (name) do nothing",
      4,
    ],
    [
      'rows from a query that are left out',
      'insert into numbered (name) select name from numbered on conflict (name) do nothing',
      4,
    ],
    ['keys that become defaults', 'update numbered set id = default', 4],
    ['other columns that become defaults', 'update item set seen = default', 0],
    [
      'keys that MERGE makes',
      "merge into numbered using (values ('a'), ('x')) v(name) on v.name = numbered.name when matched then update set id = default when not matched then insert (name) values (v.name)",
      4,
    ],
    ['a cache that is lost with the session', "insert into cached (name) values ('a')", 20],
    ['what triggers take', 'insert into logged values (1), (2)', 8],
    ['rows that a trigger leaves out', "insert into skipping (name) values ('a')", 2],
  ])('are shown for %s', async (_what, statement, used) => {
    const plan = await planned(statement);
    expect(plan.sequence_values_used ?? 0).toBe(used);
  });
});

describe('a row that was locked before, in a transaction whose exception took an insert back', () => {
  it.each([
    ['delete', '0 0 1'],
    ['update', '0 1 0'],
  ])('is in the plan when it meets a %s', async (does, counts) => {
    const plan = await planned(`insert into turn values (1, '${does}')`);
    expect(countsOf(plan)).toMatchObject({ 'public.turn': '1 0 0', 'public.job': counts });
    const shown = plan.effects.find(({ resource }) => resource === 'public.job');
    expect(shown?.rows).toMatchObject([{ key: 'id=1', before: { what: 'harmless' } }]);
  });

  it('and is bound: another one in its place is drift', async () => {
    const plan = await planned("insert into turn values (1, 'delete')");
    await bank.admin.query('update job set priority = 9 where id = 1');
    const target = bank.target({ allowed_functions: ['public.take'] });
    expect(await connector.execute(bank.approved(plan, { target }))).toMatchObject({ kind: 'drifted' });
    await bank.admin.query('update job set priority = 1 where id = 1');
  });

  it('as are rows on which others hold a lock for their foreign keys', async () => {
    await bank.admin.query('begin; insert into total_note values (1)');
    const plan = await planned('insert into event values (3, 1, 5)');
    await bank.admin.query('rollback');
    expect(countsOf(plan)).toMatchObject({ 'public.total': '0 1 0' });
  });
});

describe('a row', () => {
  it('is bound although its trigger tried to write it otherwise first', async () => {
    const plan = await planned('insert into event values (2, 2, 7)');
    await bank.admin.query('update total set v = 1000000 where k = 2');
    const target = bank.target({ allowed_functions: ['public.adding'] });
    expect(await connector.execute(bank.approved(plan, { target }))).toMatchObject({ kind: 'drifted' });
  });

  it('that grows over what is kept whole shows only what changes', async () => {
    const { effects } = await planned("update wide set b = repeat('b', 7000) where id = 1");
    expect(effects).toMatchObject([{ columns: ['b'], rows: [{ before: { b: 'x' } }] }]);
  });
});
