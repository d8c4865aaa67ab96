import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { PlanOutcome } from '../../../../activities/connectors/connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

type Settings = Parameters<TargetDatabase['call']>[1];

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => {
  await bank.stop();
});

/** Sets up tables that the statement role may write and the observer may read. */
async function given(tables: readonly string[], definition: string): Promise<void> {
  await bank.admin.query(`${definition};
    grant select, insert, update, delete on ${tables.join(', ')} to ${bank.statementRole};
    grant select on ${tables.join(', ')} to ${bank.observerRole}`);
}

function plan(statement: string, settings: Settings): Promise<PlanOutcome> {
  return connector.plan(bank.call(statement, settings));
}

/** Plans, lets something happen, and executes what was approved: the kind of what came of it. */
async function executed(statement: string, settings: Settings, meanwhile?: string): Promise<string> {
  const outcome = await plan(statement, settings);
  if (outcome.kind === 'refused') return 'refused';
  if (meanwhile !== undefined) await bank.admin.query(meanwhile);
  const execution = await connector.execute(bank.approved(outcome.plan, { target: bank.target(settings) }));
  return execution.kind;
}

describe('a statement whose rows are only looked up is committed only for these rows', () => {
  // Between looking up and running, more than this passes; at the look-up, less.
  const CLOCK = `case when statement_timestamp() - transaction_timestamp() > '120 ms' then 2 else 1 end
                 and (select count(*) from generate_series(1, 400000)) > 0`;

  it.each([
    ['delete', (table: string) => `delete from ${table} where id = ${CLOCK}`],
    ['update', (table: string) => `update ${table} set v = 'gone' where id = ${CLOCK}`],
  ])('when the condition of a %s answers otherwise the second time', async (operation, statementFor) => {
    const table = `chosen_${operation}`;
    await given(
      [table],
      `create table ${table} (id int primary key, v text);
       insert into ${table} values (1, 'unimportant'), (2, 'precious')`,
    );
    const counting = { planning: { rehearse: 'count' } };
    const touched = `select id::text from (values (1), (2)) all_of(id)
                      where not exists (select from ${table} t where t.id = all_of.id and t.v <> 'gone')`;
    for (let tries = 0; tries < 3; tries += 1) {
      const outcome = await plan(statementFor(table), counting);
      if (outcome.kind === 'refused') throw new Error(outcome.detail);
      const execution = await connector.execute(
        bank.approved(outcome.plan, { target: bank.target(counting) }),
      );
      if (execution.kind !== 'succeeded') continue;
      const approved = outcome.plan.effects.flatMap(({ rows }) => rows.map(({ key }) => key));
      expect((await bank.rows<{ id: string }>(touched)).map(({ id }) => `id=${id}`)).toEqual(approved);
      return;
    }
    expect(await bank.rows(touched)).toEqual([]);
  });
});

describe('what triggers defer again at the end', () => {
  it('is part of the plan', async () => {
    await given(
      ['first'],
      `create table first (id int primary key); create table second (id int); create table third (id int, v text);
       grant select on second, third to ${bank.observerRole};
       create function first_writes() returns trigger language plpgsql security definer as $$
         begin set constraints all deferred; insert into public.second values (new.id); return null; end $$;
       create function second_writes() returns trigger language plpgsql security definer as $$
         begin insert into public.third values (new.id, 'at commit'); return null; end $$;
       create constraint trigger a after insert on first deferrable initially deferred
         for each row execute function first_writes();
       create constraint trigger b after insert on second deferrable initially deferred
         for each row execute function second_writes()`,
    );
    const both = { allowed_functions: ['public.first_writes', 'public.second_writes'] };
    const outcome = await plan('insert into first values (1)', both);
    expect(outcome).toMatchObject({
      kind: 'planned',
      plan: { effects: expect.arrayContaining([expect.objectContaining({ resource: 'public.third' })]) },
    });
    const onlyFirst = { allowed_functions: ['public.first_writes'] };
    expect(await executed('insert into first values (2)', onlyFirst)).toBe('refused');
    expect(await bank.rows('select id from third')).toEqual([]);
  });

  it('is refused when it never ends', async () => {
    await given(
      ['endless'],
      `create table endless (id int);
       create function again() returns trigger language plpgsql as $$
         begin set constraints all deferred; insert into public.endless values (new.id + 1); return null; end $$;
       create constraint trigger c after insert on endless deferrable initially deferred
         for each row execute function again()`,
    );
    const outcome = await plan('insert into endless values (1)', { allowed_functions: ['public.again'] });
    expect(outcome).toMatchObject({ kind: 'refused' });
    expect(await bank.rows('select id from endless')).toEqual([]);
  });
});

describe('a target that stopped counting after sessions were opened', () => {
  it('is refused, though the sessions kept for questions still count', async () => {
    await plan("update account set note = 'opens sessions' where id = 4", {});
    const database = new URL(bank.adminUrl).pathname.slice(1);
    await bank.admin.query(`alter database ${database} set track_counts = off`);
    const outcome = await plan('update account set balance = 999999 where id = 4', {});
    await bank.admin.query(`alter database ${database} reset track_counts`);
    expect(outcome).toMatchObject({ kind: 'refused', detail: expect.stringContaining('track_counts') });
  });
});

describe('xml, whose output leaves out what its declaration says,', () => {
  const STORED = '<?xml version="1.0" encoding="ISO-8859-1"?><a/>';

  it('is compared and restored as it is stored', async () => {
    await given(
      ['docs', 'source'],
      `create table docs (id int primary key, x xml); insert into docs values (1, '${STORED}');
       create table source (x xml); insert into source values ('<?xml version="1.0"?><b/>')`,
    );
    const statement = 'update docs set x = (select x from source) where id = 1';
    const other = `update source set x = '<?xml version="1.0" encoding="EBCDIC-INT"?><b/>'`;
    expect(await executed(statement, {}, other)).toBe('drifted');
    const outcome = await plan(statement, {});
    if (outcome.kind === 'refused') throw new Error(outcome.detail);
    await connector.execute(bank.approved(outcome.plan));
    for (const step of outcome.plan.reversal.steps ?? []) await bank.admin.query(step);
    expect(await bank.rows('select x::text as x from docs')).toEqual([{ x: STORED }]);
  });

  it.each(['xml[]', 'pair', 'pair[]'])('is not shown inside of %s', async (type) => {
    const table = `holder_${type.replace('[]', '_list')}`;
    await given(
      [table],
      `do $$ begin create type pair as (n int, x xml); exception when duplicate_object then null; end $$;
       create table ${table} (id int primary key, n int, x ${type}); insert into ${table} values (1, 1, null)`,
    );
    const outcome = await plan(`update ${table} set n = 2 where id = 1`, {});
    expect(outcome).toMatchObject({ kind: 'planned', plan: { effects: [{ is_counts_only: true }] } });
  });
});

describe('what reading an effect would set off', () => {
  const WRITES = `create table read_log (id int generated always as identity primary key, who text);
    create function log_read(text) returns boolean language plpgsql security definer as $$
      begin insert into public.read_log (who) values ($1); return true; end $$;
    grant select on read_log to observer_role`;

  it.each([
    [
      'the policy of a table that the statement writes',
      'secretive',
      `create table secretive (id int primary key, v text);
       alter table secretive enable row level security;
       create policy p on secretive using (log_read(current_user::text))`,
      ['public.log_read'],
    ],
    [
      'the policy of a table that only a trigger writes',
      'noticed',
      `create table noticed (id int primary key, v text);
       create table trail (id int generated always as identity primary key, v text);
       alter table trail enable row level security;
       create policy p on trail using (log_read(v));
       create function trail_it() returns trigger language plpgsql security definer as $$
         begin insert into public.trail (v) values (new.v); return null; end $$;
       create trigger t after insert on noticed for each row execute function trail_it();
       grant select on trail to observer_role`,
      ['public.trail_it'],
    ],
  ])('is never committed: %s', async (_name, ...[table, definition, functions]) => {
    await bank.admin.query('drop table if exists read_log cascade; drop function if exists log_read cascade');
    await given([table], `${WRITES};${definition}`.replaceAll('observer_role', bank.observerRole));
    const settings = { allowed_functions: functions };
    expect(await executed(`insert into ${table} values (1, 'x')`, settings)).toBe('refused');
    expect(await bank.rows('select who from read_log')).toEqual([]);
  });
});
