import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { waitFor } from '../../../stack/wait.ts';
import { connected, startTargetDatabase, type TargetDatabase } from './target-database.ts';

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
  create table small (id smallserial primary key, name text);
  create table small_identity (id smallint generated always as identity primary key, name text);
  create table parted (id smallint generated always as identity, region text) partition by list (region);
  create table parted_north partition of parted for values in ('north');
  create domain numbered as smallint default nextval('ticket_small');
  create table domained (id int primary key, n int);
  create table big (id bigserial primary key, name text);
  create table wide (id int primary key, name text);
  create table flag (on_ boolean);
  insert into wide select n, repeat('x', 900) from generate_series(1, 60000) n;
  create table scarce (id smallserial primary key, name text);
  select setval('scarce_id_seq', 32720);
  create table ruled (id int primary key, n int);
  create table rule_log (id smallserial primary key, ruled int);
  insert into ruled select n, 0 from generate_series(1, 20000) n;
  create rule ruled_noted as on update to ruled do also insert into rule_log (ruled) values (new.id);
  create sequence code_small as smallint;
  create table code (id int primary key, key int unique);
  create table coded (code_id int default nextval('code_small') references code on delete set default);
  create table coded_key (key int default nextval('code_small') references code (key) on update set default);
  create table coded_self (id int primary key, up int default nextval('code_small') references coded_self on delete set default);
  create table renumbered (id int primary key, n int default nextval('code_small'));
  create rule ruled_again as on update to flag do also update renumbered set n = default;
  insert into code values (1, 1); insert into coded_self values (1, null);
  insert into coded select 1 from generate_series(1, 1000); insert into coded_key select 1 from generate_series(1, 1000);
  insert into coded_self select n, 1 from generate_series(2, 1000) n; insert into renumbered select n, 1 from generate_series(1, 1000) n;
  insert into flag values (true);
  create function odd_ones() returns trigger language plpgsql as
    $$ begin if new.n % 2 = 0 then return new; end if; return null; end $$;
  create table skipping (id int generated always as identity primary key, n int);
  create trigger skipping_odd before insert on skipping for each row execute function odd_ones();
  create table skipping_small (id smallserial primary key, n int);
  create trigger skipping_odd before insert on skipping_small for each row execute function odd_ones();
  grant select, insert, update, delete on all tables in schema public to WRITER;
  grant usage on all sequences in schema public to WRITER;
  grant select on all tables in schema public to OBSERVER;
  grant select on all sequences in schema public to OBSERVER;`.replace(/\s*create domain[^;]*;/, '');

async function outcomeOf(statement: string, connection?: Readonly<Record<string, JsonValue>>) {
  const outcome = await connector.plan(bank.call(statement, connection));
  return outcome.kind === 'planned'
    ? { code: 'planned', detail: '', plan: outcome.plan }
    : { ...outcome, plan: null };
}

async function usedOf(sequence: string): Promise<number> {
  const [row] = await bank.rows<{ used: string }>(
    'select case when is_called then last_value else 0 end::text as used from ' + sequence,
  );
  return Number(row?.used ?? '0');
}

describe('what a rehearsal may use up of a sequence', () => {
  it.each([
    ['a smallserial', 'small_id_seq', "insert into small (name) select 'x' from generate_series(1, 40000)"],
    [
      'an identity',
      'small_identity_id_seq',
      "insert into small_identity (name) select 'x' from generate_series(1, 40000)",
    ],
    [
      'the identity of a partitioned table',
      'parted_id_seq',
      "insert into parted (region) select 'north' from generate_series(1, 40000)",
    ],
    [
      'a union',
      'small_id_seq',
      "insert into small (name) select 'x' from generate_series(1, 20000) union all select 'y' from generate_series(1, 20000) -- all of it",
    ],
    [
      'rows with a conflict clause',
      'small_id_seq',
      "insert into small (name) select 'x' from generate_series(1, 40000) on conflict do nothing returning id;",
    ],
    [
      'a limit of its own',
      'small_id_seq',
      "insert into small (name) select 'x' from generate_series(1, 40000) limit 30000",
    ],
    [
      'a limit that is computed',
      'small_id_seq',
      "insert into small (name) select 'x' from generate_series(1, 40000) limit (select 30000)",
    ],
    [
      'a WITH',
      'small_id_seq',
      "with n as (select 1 from generate_series(1, 40000)) insert into small (name) select 'x' from n",
    ],
    [
      'an INSERT inside of a WITH',
      'small_id_seq',
      "with n as (insert into small (name) select 'x' from generate_series(1, 40000) returning 1) select count(*) from n",
    ],
    ['a foreign key that sets defaults at a DELETE', 'code_small', 'delete from code where id = 1'],
    ['a foreign key that sets defaults at an UPDATE', 'code_small', 'update code set key = 2 where id = 1'],
    [
      'a foreign key that sets defaults at an upsert',
      'code_small',
      'insert into code values (1) on conflict (id) do update set key = 2',
    ],
    ['a foreign key of the table to itself', 'code_small', 'delete from coded_self where id = 1'],
    ['a rule that sets defaults', 'code_small', 'update flag set on_ = false'],
    [
      'a MERGE',
      'small_id_seq',
      "merge into small using generate_series(1, 40000) n on false when not matched then insert (name) values ('x')",
    ],
    ['an UPDATE to defaults', 'small_id_seq', 'update small set id = default'],
    ['rows that a rule adds', 'rule_log_id_seq', 'update ruled set n = 1'],
    [
      'rows of which a trigger leaves some out',
      'skipping_small_id_seq',
      'insert into skipping_small (n) select generate_series(1, 40000)',
    ],
  ])('is little for %s', async (_name, sequence, statement) => {
    const before = await usedOf(sequence);
    const { code, detail } = await outcomeOf(statement, { allowed_functions: ['public.odd_ones'] });
    expect({ code, detail }).toMatchObject({ code: expect.stringMatching(/planning_limit|planned/) });
    expect((await usedOf(sequence)) - before).toBeLessThan(700);
  });

  it('is nothing for rows that the clock of the moment multiplies', async () => {
    const before = await usedOf('small_id_seq');
    const rows = "generate_series(1, case when clock_timestamp() > '2000-01-01' then 40000 else 1 end)";
    const { code } = await outcomeOf(`insert into small (name) select 'x' from ${rows}`);
    expect(code).toBe('not_previewable');
    expect(await usedOf('small_id_seq')).toBe(before);
  });

  it('is refused for rows that are all left alone, since no count shows how many they are', async () => {
    const { code } = await outcomeOf(
      "insert into small (id, name) select 1, 'x' from generate_series(1, 40000) on conflict do nothing",
    );
    expect(code).toBe('planning_limit');
  });

  it('never makes a plan count fewer rows than the statement inserts, though a trigger leaves some out', async () => {
    const statement = 'insert into skipping (n) select generate_series(1, 12005)';
    const patient = { allowed_functions: ['public.odd_ones'], planning: { statement_timeout_ms: 15_000 } };
    // A busy machine may take longer than any limit: then there is no plan, which counts nothing.
    const plan = await waitFor({
      what: 'a plan within its time',
      check: async () => (await outcomeOf(statement, patient)).plan ?? undefined,
    });
    expect(plan.effects).toMatchObject([{ inserted: 6_002 }]);
  });

  it('is nothing where hardly anything is left', async () => {
    const { code, detail } = await outcomeOf("insert into scarce (name) values ('x')");
    expect(code).toBe('planning_limit');
    expect(detail).toContain('public.scarce_id_seq has only 47 values left');
    expect(await usedOf('scarce_id_seq')).toBe(32_720);
  });

  it('is shown with the plan', async () => {
    const { plan } = await outcomeOf("insert into big (name) select 'x' from generate_series(1, 20)");
    expect(plan?.effects[0]?.inserted).toBe(20);
    expect(plan?.sequence_values_used).toBe(40);
    expect(plan?.locks_held_ms).toBeGreaterThan(0);
  });
});

describe('how much a rehearsal may write', () => {
  it.each([
    ['an update', 'update wide set id = -id'],
    ['a delete', 'delete from wide'],
    ['an insert', "insert into wide select -n, 'x' from generate_series(1, 60000) n"],
    ['a merge', 'merge into wide using generate_series(1, 60000) n on wide.id = n when matched then delete'],
  ])('is limited in rows for %s', async (_name, statement) => {
    const { code, detail } = await outcomeOf(statement);
    expect({ code, detail }).toEqual({
      code: 'planning_limit',
      detail: expect.stringMatching(/more than 50,000 rows|writes too much|takes longer/),
    });
  });

  it('is what the target says', async () => {
    const statement = "update account set note = 'x' where id < 4";
    expect(await outcomeOf(statement, { planning: { rows_max: 2 } })).toMatchObject({
      code: 'planning_limit',
    });
    expect(await outcomeOf(statement, { planning: { rows_max: 3 } })).toMatchObject({ code: 'planned' });
  });
});

describe('a target where statements are not tried out', () => {
  const counting = { planning: { rehearse: 'count' } };
  const nothing = { planning: { rehearse: 'none' } };

  it('counts rows and uses up nothing', async () => {
    const before = await usedOf('big_id_seq');
    const inserted = await outcomeOf("insert into big (name) values ('a'), ('b')", counting);
    expect(inserted.plan?.summary).toBe('Inserts 2 rows of public.big; counted only, it was not tried out.');
    expect(inserted.plan?.risk_facts).toMatchObject({ rows_changed: 2, is_fully_previewed: false });
    expect(await usedOf('big_id_seq')).toBe(before);
    const updated = await outcomeOf("update account set note = 'n' where id < 3", counting);
    expect(updated.plan?.effects).toMatchObject([{ updated: 2, is_counts_only: true }]);
    const { detail } = await outcomeOf("insert into big (name) select 'x' from account", counting);
    expect(detail).toContain('only counts rows');
  });

  it('or says that nothing was tried, and counts as more than any limit', async () => {
    const { plan } = await outcomeOf('delete from account where id = 1', nothing);
    expect(plan?.summary).toBe('Writes public.account; nothing was tried out and no rows were counted.');
    expect(plan?.risk_facts).toMatchObject({
      rows_changed: Number.MAX_SAFE_INTEGER,
      is_fully_previewed: false,
    });
    expect(plan?.warnings[0]).toContain('nothing is tried out');
  });

  it('says that no row is met, not that nothing changes', async () => {
    const { plan } = await outcomeOf('delete from account where id < 0', counting);
    expect(plan?.summary).toBe('Meets no row; counted only, it was not tried out.');
  });

  it('names the tables in one order, also when one of them was made anew', async () => {
    const made = (name: string): string => `create table ${name} (n int);
      grant select, insert on ${name} to ${bank.statementRole}; grant select on ${name} to ${bank.observerRole};`;
    await bank.admin.query(['order_c', 'order_a', 'order_b'].map(made).join('\n'));
    const { plan } = await outcomeOf(
      'with a as (insert into order_a values (1)), b as (insert into order_b values (1)) insert into order_c values (1)',
      nothing,
    );
    if (plan === null) throw new Error('no plan');
    expect(plan.summary).toMatch(/^Writes public\.order_a, public\.order_b, public\.order_c;/);
    await bank.admin.query(`drop table order_a; ${made('order_a')}`);
    const approved = { ...bank.approved(plan), target: bank.target(nothing) };
    expect(await connector.execute(approved)).toMatchObject({ kind: 'succeeded' });
  });

  it.each([
    ['count', counting],
    ['none', nothing],
  ])('executes what was approved under %s', async (_mode, connection) => {
    const { plan } = await outcomeOf("insert into big (name) values ('kept')", connection);
    if (plan === null) throw new Error('no plan');
    const approved = { ...bank.approved(plan), target: bank.target(connection) };
    expect(await connector.execute(approved)).toMatchObject({ kind: 'succeeded' });
  });
});

describe('locks at planning', () => {
  it('are waited for shortly, and the answer is to try again', async () => {
    const other = await connected(bank.adminUrl);
    await other.query('begin');
    await other.query('select from account where id = 1 for update');
    const refused = await outcomeOf("update account set note = 'x' where id = 1", {
      planning: { lock_timeout_ms: 50 },
    });
    expect(refused).toMatchObject({ kind: 'refused', code: 'target_busy' });
    await other.query('rollback');
    expect(await outcomeOf("update account set note = 'x' where id = 1")).toMatchObject({ code: 'planned' });
    await other.end();
  });

  it('are released at once when a rehearsal is refused', async () => {
    expect(await outcomeOf('update account set note = (random())::text where id = 2')).toMatchObject({
      kind: 'refused',
    });
    const other = await connected(bank.adminUrl);
    await other.query("begin; set local lock_timeout = '5s'");
    await other.query('select from account where id = 2 for update');
    await other.query('rollback');
    await other.end();
  });

  it('are not held by a statement that runs long', async () => {
    const refused = await outcomeOf(
      'update account set note = (select count(*)::text from generate_series(1, 1000000000)) where id = 3',
      { planning: { statement_timeout_ms: 200 } },
    );
    expect(refused).toMatchObject({ code: 'planning_limit' });
  });
});
