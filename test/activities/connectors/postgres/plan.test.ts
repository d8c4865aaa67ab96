import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { connected, startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector({ lockTimeoutMs: 500 });

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
  create table vault (id int primary key, amount int, note text);
  create function guard_vault() returns trigger language plpgsql security definer as $$
    begin perform pg_notify('heard', 'ran'); return new; end $$;
  create trigger vault_is_guarded after insert or update or delete on vault for each row execute function guard_vault();
  create function swallow() returns trigger language plpgsql security definer as $$
    begin
      begin insert into keyless values ('inner', 1); exception when others then null; end;
      return new;
    end $$;
  create table noisy (id int primary key, n int);
  insert into noisy values (1, 1);
  create trigger noisy_swallows before update on noisy for each row execute function swallow();
  create table sorted (id int, region text, n int) partition by list (region);
  create table sorted_north partition of sorted for values in ('north');
  create table sorted_south partition of sorted for values in ('south');
  insert into sorted values (1, 'north', 1);
  alter table sorted_north add primary key (id);
  alter table sorted_south add primary key (id);
  create table secured (id int primary key, tenant text);
  alter table secured enable row level security;
  create policy own_rows on secured to WRITER using (tenant = 'mine');
  insert into secured values (1, 'mine'), (2, 'theirs');
  create table precise (id numeric primary key, f float8, at timestamptz, j jsonb, b bytea);
  create table odd ("constructor" int primary key);
  create table node (id int primary key, parent int references node);
  insert into node values (1, null), (2, 1);
  create function shadow_write() returns trigger language plpgsql security definer as $$
    begin insert into vault values (100 + new.id, 1); return new; end $$;
  create table shadowed (id int primary key);
  create trigger shadowed_writes after insert on shadowed for each row execute function shadow_write();
  create function redefine() returns trigger language plpgsql security definer as $$
    begin execute 'create temporary table surprise (a int)'; return new; end $$;
  create table redefining (id int primary key);
  create trigger redefining_redefines after insert on redefining for each row execute function redefine();
  create function empty_keyless() returns trigger language plpgsql security definer as $$
    begin truncate keyless; return new; end $$;
  create table emptying (id int primary key);
  create trigger emptying_empties after insert on emptying for each row execute function empty_keyless();
  create function pay(bigint, numeric) returns void language sql volatile security definer
    as $$ update account set balance = $2 where id = $1 $$;
  create unlogged table later (id int primary key, other int unique deferrable initially deferred);
  insert into later values (1, 1), (2, 2);
  insert into vault values (1, 10), (2, 20);
  grant select, insert, update, delete on all tables in schema public to WRITER;
  grant select on all tables in schema public to OBSERVER;`;

async function planned(statement: string, connection?: Readonly<Record<string, JsonValue>>): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement, connection));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

describe('a plan', () => {
  it('shows changed columns before and after, and what a trigger writes elsewhere', async () => {
    const plan = await planned('update account set balance = balance + 5 where id in (1, 2)');
    expect(plan.summary).toBe(
      'Updates 2 rows of public.account (balance), and inserts 2 rows of public.account_log by trigger.',
    );
    expect(plan.effects).toMatchObject([
      {
        resource: 'public.account',
        updated: 2,
        assigned_columns: [],
        rows: [
          { key: 'id=1', before: { balance: '100' }, after: { balance: '105' } },
          { key: 'id=2', before: { balance: '200' }, after: { balance: '205' } },
        ],
      },
      {
        resource: 'public.account_log',
        inserted: 2,
        assigned_columns: ['at', 'id', 'token'],
        rows: [
          {
            key: 'new row 1',
            before: null,
            after: { account_id: '1', old_balance: '100', new_balance: '105' },
          },
          {
            key: 'new row 2',
            before: null,
            after: { account_id: '2', old_balance: '200', new_balance: '205' },
          },
        ],
      },
    ]);
    expect(plan.risk_facts).toEqual({
      rows_changed: 4,
      resources_changed: 2,
      is_destructive: true,
      is_fully_previewed: true,
      is_reversible: false,
    });
    expect(plan.reversal.how).toBe('Rows of public.account_log get their keys when the statement runs.');
  });

  it('changes nothing at the target and is the same again', async () => {
    const before = await bank.checksum();
    const statement = 'update account set balance = balance * 2, updated_at = now()';
    const [first, second] = [await planned(statement), await planned(statement)];
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(await bank.checksum()).toBe(before);
  });

  it('has another fingerprint when the rows before are others', async () => {
    const statement = "update card set number = 'x' where id = 5";
    const first = await planned(statement);
    await bank.admin.query("update card set number = 'between' where id = 5");
    expect((await planned(statement)).fingerprint).not.toBe(first.fingerprint);
    await bank.admin.query("update card set number = '4000-5' where id = 5");
    expect((await planned(statement)).fingerprint).toBe(first.fingerprint);
  });

  it('shows cascades of a delete', async () => {
    const plan = await planned('delete from account where id = 2');
    expect(plan.summary).toBe(
      'Deletes 1 row of public.account, and deletes 1 row of public.card by cascade.',
    );
    expect(plan.effects[1]?.rows).toEqual([
      { key: 'id=2', before: { id: '2', account_id: '2', number: '4000-2' }, after: null },
    ]);
  });

  it('shows what MERGE inserts, updates and deletes', async () => {
    const plan = await planned(`
      merge into card using (values (1, 'new'), (2, null), (60, 'six')) v(id, number) on card.id = v.id
       when matched and v.number is null then delete
       when matched then update set number = v.number
       when not matched then insert values (v.id, 1, v.number)`);
    expect(plan.effects).toMatchObject([{ resource: 'public.card', inserted: 1, updated: 1, deleted: 1 }]);
    expect(plan.effects[0]?.rows.map(({ key }) => key)).toEqual(['id=1', 'id=2', 'id=60']);
  });

  it('shows every table that parts of WITH write', async () => {
    const plan = await planned(
      'with gone as (delete from card where id = 1 returning *) insert into keyless select number, 1 from gone returning *',
    );
    expect(plan.summary).toBe('Deletes 1 row of public.card, and inserts 1 row of public.keyless.');
  });

  it('allows a bare now(), current_timestamp and gen_random_uuid(), and says that they are assigned later', async () => {
    const plan = await planned(
      'update account set updated_at = current_timestamp, note = gen_random_uuid() where id = 1',
    );
    expect(plan.effects).toMatchObject([{ assigned_columns: ['note', 'updated_at'], rows: [{ after: {} }] }]);
  });

  it('keeps digits, microseconds, JSON and bytes as the target prints them', async () => {
    const plan = await planned(
      `insert into precise values (12345678901234567890.000000000001, 0.1, '2026-01-01 00:00:00.123456+02', '{"a": 1.0}', '\\xff')`,
    );
    expect(plan.effects[0]?.rows[0]?.after).toEqual({
      id: '12345678901234567890.000000000001',
      f: '0.1',
      at: '2025-12-31 22:00:00.123456+00',
      j: '{"a": 1.0}',
      b: '\\xff',
    });
  });

  it('names the partition that a row leaves and the one it enters', async () => {
    const plan = await planned("update sorted set region = 'south' where id = 1");
    expect(plan.effects).toMatchObject([
      { resource: 'public.sorted_north', deleted: 1 },
      { resource: 'public.sorted_south', inserted: 1 },
    ]);
  });

  it('says of a read that it changes nothing and returns nothing', async () => {
    const plan = await planned('select * from account order by balance desc');
    expect(plan).toMatchObject({ summary: 'Reads only: changes nothing, and returns no rows.', effects: [] });
  });

  it('does not read a huge result', async () => {
    for (const rows of ["select repeat('x', 1000000) from", 'select count(*) from']) {
      const plan = await planned(`${rows} generate_series(1, 10000000000)`);
      expect(plan.effects).toEqual([]);
    }
  });

  it('warns of invisible characters', async () => {
    const plan = await planned("update card set number = 'a\u202eb' where id = 1");
    expect(plan.warnings.join()).toContain('invisible');
  });

  it('sees through a deferred constraint that would fail at COMMIT', async () => {
    const outcome = await connector.plan(bank.call('update later set other = 1'));
    expect(outcome).toMatchObject({ kind: 'refused', code: 'target_error' });
    expect((await planned('update later set other = 3 - other')).effects[0]?.updated).toBe(2);
  });

  it('is not confused by foreign-key locks on rows of the same table', async () => {
    const plan = await planned('insert into node values (3, 1), (4, 2)');
    expect(plan.effects).toMatchObject([{ inserted: 2, is_counts_only: false }]);
    const update = await planned('update node set parent = 2 where id = 1');
    expect(update.effects[0]?.rows).toEqual([
      { key: 'id=1', before: { parent: null }, after: { parent: '2' } },
    ]);
  });
});

describe('a plan that cannot show everything', () => {
  const noisy = { allowed_functions: ['public.swallow'] };

  it('shows what a trigger does under a savepoint', async () => {
    const plan = await planned('update noisy set n = 2 where id = 1', noisy);
    const keyless = plan.effects.find(({ resource }) => resource === 'public.keyless');
    expect(keyless).toMatchObject({
      inserted: 1,
      is_counts_only: false,
      rows: [{ after: { a: 'inner', b: '1' } }],
    });
    expect(plan.risk_facts).toMatchObject({ is_fully_previewed: true, is_reversible: false });
  });

  it('shows a sample above the row limit, and is bound to all rows all the same', async () => {
    const plan = await planned("update card set number = 'x'", { row_limit: 3 });
    expect(plan.effects).toMatchObject([
      { updated: 5, is_counts_only: false, sample: { of: 5, first_key: 'id=1', last_key: 'id=5' } },
    ]);
    expect(plan.effects[0]?.rows.map(({ key }) => key)).toEqual(['id=1', 'id=3', 'id=5']);
    expect(plan.risk_facts).toMatchObject({ is_fully_previewed: false, is_reversible: false });
    expect(plan.fingerprint).toBe((await planned("update card set number = 'x'")).fingerprint);
  });

  it('shows counts only of tables too large to look through and of more than can be read', async () => {
    const statement = "update card set number = repeat('x', 2000) where id = 1";
    for (const limits of [{ scannedBytesMax: 1_000 }, { readCharactersMax: 1_000 }, { readRowsMax: 0 }]) {
      const outcome = await createPostgresConnector(limits).plan(bank.call(statement));
      expect(outcome).toMatchObject({ plan: { effects: [{ updated: 1, is_counts_only: true, rows: [] }] } });
    }
  });

  it('shows counts only of a table that the observer may not read', async () => {
    await bank.admin.query(`revoke select on card from ${bank.observerRole}`);
    const plan = await planned("update card set number = 'x' where id = 1");
    expect(plan.effects).toMatchObject([{ updated: 1, is_counts_only: true }]);
    await bank.admin.query(`grant select on card to ${bank.observerRole}`);
  });

  it('shows counts only when row security hides rows from the observer', async () => {
    const plan = await planned("update secured set tenant = 'mine'");
    expect(plan.effects).toMatchObject([{ resource: 'public.secured', updated: 1, is_counts_only: true }]);
  });

  it('shows both versions of rows without a key apart, and odd column names as SQL writes them', async () => {
    await bank.admin.query("truncate keyless; insert into keyless values ('a', 1), ('a', 1)");
    const plan = await planned('update keyless set b = 2');
    expect(plan.effects).toMatchObject([{ updated: 2, is_counts_only: false }]);
    expect(plan.effects[0]?.rows).toEqual([
      { key: 'row 1', before: { a: 'a', b: '1' }, after: null },
      { key: 'row 2', before: { a: 'a', b: '1' }, after: null },
      { key: 'new row 3', before: null, after: { a: 'a', b: '2' } },
      { key: 'new row 4', before: null, after: { a: 'a', b: '2' } },
    ]);
    expect((await planned('insert into odd values (1)')).effects).toMatchObject([
      { inserted: 1, is_counts_only: false, rows: [{ after: { '"constructor"': '1' } }] },
    ]);
  });

  it('does not run trigger functions that are not on the list, and counts rows instead', async () => {
    const listener = await connected(bank.adminUrl);
    const heard: unknown[] = [];
    listener.on('notification', (message) => heard.push(message));
    await listener.query('listen heard');
    const statements = [
      [
        "UPDATE vault AS v /* where */ SET amount = (select 1 where true), note = ' where '\n WHERE v.id = 1 -- x",
        1,
      ],
      ['delete from vault', 2],
      ["insert into vault values (5, 1, 'a'), (6, 1, 'b')", 2],
    ] as const;
    for (const [statement, count] of statements) {
      const plan = await planned(statement);
      expect(plan.risk_facts).toMatchObject({
        rows_changed: count,
        is_fully_previewed: false,
        is_reversible: false,
      });
      expect(plan.warnings[0]).toContain('public.guard_vault');
    }
    await listener.query('select 1');
    expect(heard).toEqual([]);
    await listener.end();
  });

  it('does not take a listed name for a function of the server that has the same name', async () => {
    const call = bank.call('select pg_sleep(5)', { allowed_functions: ['public.pg_sleep'] });
    expect(await connector.plan(call)).toMatchObject({ kind: 'refused', code: 'function_not_allowed' });
  });

  it('refuses a statement whose listed triggers reach a table with unlisted ones', async () => {
    const call = bank.call('insert into shadowed values (1)', { allowed_functions: ['public.shadow_write'] });
    expect(await connector.plan(call)).toMatchObject({ kind: 'refused', code: 'not_previewable' });
  });

  it('refuses a statement whose triggers change the structure of the target', async () => {
    const listed = { allowed_functions: ['public.redefine', 'public.empty_keyless'] };
    for (const table of ['redefining', 'emptying']) {
      const outcome = await connector.plan(bank.call(`insert into ${table} values (1)`, listed));
      expect(outcome).toMatchObject({ kind: 'refused', code: 'not_previewable' });
    }
  });

  it('shows what a listed function writes, but takes no value from it that was made up', async () => {
    const listed = { allowed_functions: ['public.pay', 'public.log_account'] };
    const refused = await connector.plan(bank.call('select pay(1, random()::numeric)', listed));
    expect(refused).toMatchObject({ kind: 'refused', code: 'not_previewable' });
    await bank.admin.query('alter table account disable trigger account_is_logged');
    const plan = await planned('select pay(1, 7)', listed);
    expect(plan.effects).toMatchObject([{ resource: 'public.account', updated: 1 }]);
    await bank.admin.query('alter table account enable trigger account_is_logged');
  });
});

describe('a target that is not set up safely', () => {
  it('is refused when its login role is a superuser', async () => {
    process.env['KEYTURN_TARGET_TEST_SUPERUSER'] = bank.adminUrl;
    const outcome = await connector.plan(bank.call('select 1', { url: 'env:KEYTURN_TARGET_TEST_SUPERUSER' }));
    expect(outcome).toMatchObject({
      kind: 'refused',
      code: 'target_error',
      decidedBy: 'set-up',
      detail: expect.stringContaining('superuser'),
    });
  });

  it.each(['insert', 'truncate', 'update (fenced)'])('refuses a writable ledger: %s', async (right) => {
    await bank.admin.query(`grant ${right} on keyturn.execution to ${bank.statementRole}`);
    const outcome = await connector.plan(bank.call('select 1'));
    await bank.admin.query(`revoke ${right} on keyturn.execution from ${bank.statementRole}`);
    expect(outcome).toMatchObject({ kind: 'refused', detail: expect.stringContaining('ledger') });
  });

  it('is refused while it does not count what changes', async () => {
    const login = new URL(bank.loginUrl).username;
    await bank.admin.query(`alter role ${login} set track_counts = off`);
    const outcome = await connector.plan(bank.call('delete from card'));
    expect(outcome).toMatchObject({ kind: 'refused', detail: expect.stringContaining('track_counts') });
    await bank.admin.query(`alter role ${login} reset track_counts`);
  });

  it('is refused when an unlisted event trigger would see the analysis', async () => {
    await bank.admin.query(`
      create function watch() returns event_trigger language plpgsql as $$ begin perform 1; end $$;
      create event trigger watching on ddl_command_end execute function watch();`);
    const outcome = await connector.plan(bank.call('select 1'));
    expect(outcome).toMatchObject({ kind: 'refused', detail: expect.stringContaining('public.watch') });
    expect(
      await connector.plan(bank.call('select 1; -- x', { allowed_functions: ['public.watch'] })),
    ).toMatchObject({
      kind: 'planned',
    });
    await bank.admin.query('drop event trigger watching');
  });

  it('is thrown when it cannot be reached, without its credentials', async () => {
    process.env['KEYTURN_TARGET_TEST_NOWHERE'] = 'postgres://me:my-secret@127.0.0.1:1/nowhere';
    const plan = connector.plan(bank.call('select 1', { url: 'env:KEYTURN_TARGET_TEST_NOWHERE' }));
    await expect(plan).rejects.toMatchObject({ code: 'unavailable' });
    await expect(plan).rejects.not.toThrow(/my-secret/);
  });

  it('is thrown when a credential has no value', async () => {
    const plan = connector.plan(bank.call('select 1', { url: 'env:KEYTURN_TARGET_TEST_ABSENT' }));
    await expect(plan).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is refused in time when somebody else holds the rows', async () => {
    const other = await connected(bank.adminUrl);
    await other.query('begin; update card set number = number where id = 1');
    const outcome = await connector.plan(bank.call("update card set number = 'x' where id = 1"));
    expect(outcome).toMatchObject({ kind: 'refused', code: 'target_busy', decidedBy: 'locks' });
    await other.end();
  });
});
