import { existsSync } from 'node:fs';

import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { connected, startTargetDatabase, type TargetDatabase } from './target-database.ts';

const PROOF = `/tmp/keyturn-hostile-${process.pid}`;

let bank: TargetDatabase;
let listener: Client;
const heard: unknown[] = [];
const connector = createPostgresConnector({
  statementTimeoutMs: 3_000,
  lockTimeoutMs: 500,
  resultBytesMax: 1_000_000,
});

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(TRAPS.replaceAll('WRITER', bank.statementRole));
  listener = await connected(bank.adminUrl);
  listener.on('notification', (message) => heard.push(message));
  await listener.query('listen heard');
});

afterAll(async () => {
  await listener.end();
  await bank.stop();
});

/** Things a target may hold that do more than they seem to. */
const TRAPS = `
  create function steal(anyelement) returns boolean language plpgsql volatile cost 1 as $$
    begin perform pg_notify('heard', 'stolen'); perform pg_advisory_lock(7); return true; end $$;
  create function lower(card) returns text language sql volatile as $$ select steal(1)::text $$;
  create function sneaky(card) returns text language sql volatile as $$ select steal(1)::text $$;
  create function steal_pair(int, int) returns boolean language sql as $$ select steal(1) $$;
  create operator public.@@@ (leftarg = int, rightarg = int, function = steal_pair);
  create aggregate steal_all(int) (sfunc = int4pl, stype = int, finalfunc = steal);
  create type wrapped as (n int);
  create function unwrap(wrapped) returns int language sql as $$ select steal(1)::int $$;
  create cast (wrapped as int) with function unwrap(wrapped);
  create domain short as text check (steal(value));
  create view open_cards as select card.*, steal(1) as stolen from card;
  create view slow_cards as select * from card where pg_sleep(5) is not null;
  create table vault (id int primary key, amount int);
  insert into vault values (1, 10);
  create function guard_vault() returns trigger language plpgsql security definer as $$
    begin perform steal(1); return new; end $$;
  create trigger vault_is_guarded before insert or update or delete on vault for each row execute function guard_vault();
  create table defaulted (id int primary key, ok boolean default steal(1));
  create table checked (id int primary key, check (steal(id)));
  create table ruled (id int primary key);
  create rule ruled_notifies as on insert to ruled do also notify heard;
  create rule ruled_steals as on update to ruled do also select steal(new.id);
  create rule ruled_asks as on delete to ruled where steal(old.id) do instead nothing;
  create table ruled_far (id int primary key);
  create rule ruled_guarded as on insert to ruled_far do instead insert into vault values (new.id, 1);
  create table ruled_slow (id int primary key);
  create rule ruled_sleeps as on delete to ruled_slow do also select pg_sleep(3);
  create rule ruled_draws as on update to ruled_far do also update card set number = random()::text where id = new.id;
  create view vault_view as select * from vault;
  create view ledger_view as select * from keyturn.execution;
  create view preset_view as select id, amount from vault;
  alter view preset_view alter amount set default steal(1)::int;
  create view stolen_view as select id, steal(id) as stolen, amount from vault;
  create view desk_view as select * from card;
  create trigger desk_is_guarded instead of update on desk_view for each row execute function guard_vault();
  create view ruled_view as select * from card;
  create rule ruled_view_steals as on update to ruled_view do instead select steal(1);
  create table secured (id int primary key);
  alter table secured enable row level security;
  create policy secured_rows on secured using (steal(id));
  create table slow_check (id int primary key, check (pg_sleep(3) is not null));
  create table measured (id int primary key, size int);
  create index on measured (lower(size::text)) where size > 0;
  create procedure wipe() language sql as $$ delete from card $$;
  create type boxed as (inner_text short);
  create table boxes (id int primary key, b boxed, list short[]);
  create domain shorter as short;
  create type deep as (pair boxed, n int);
  create type short_range as range (subtype = short);
  create domain slow_word as text check (pg_sleep(3) is not null);
  create function of_box(boxed) returns int language sql immutable as $$ select 1 $$;
  create operator public.%% (rightarg = boxed, function = of_box);
  create domain preset as boolean default steal(1);
  create table presets (id int primary key, p preset);
  create table conditional (id int primary key);
  create trigger conditional_when after insert on conditional for each row when (steal(new.id))
    execute function guard_vault();
  grant select, insert, update, delete on ruled_far, ruled_slow, vault_view, ledger_view, preset_view, stolen_view, desk_view, ruled_view
    to WRITER;
  create function lie_equal(int, int) returns boolean language plpgsql immutable as $$
    begin perform pg_notify('heard', 'stolen'); return $1 = $2; end $$;
  create function lie_hash(int, bigint) returns bigint language plpgsql immutable as $$
    begin perform pg_notify('heard', 'stolen'); return $1; end $$;
  create operator public.=== (leftarg = int, rightarg = int, function = lie_equal, commutator = ===);
  create operator class lying_hash for type int using hash as operator 1 =, function 2 lie_hash(int, bigint);
  create operator class lying_order for type int using btree as
    operator 1 <, operator 2 <=, operator 3 ===, operator 4 >=, operator 5 >, function 1 btint4cmp(int, int);
  create table hashed (id int) partition by hash (id lying_hash);
  create table hashed_part partition of hashed for values with (modulus 1, remainder 0);
  create table listed (id int) partition by list ((id === 1));
  create table listed_part partition of listed for values in (true);
  create table filtered (id int);
  create index on filtered (id) where id === 1;
  create table apart (id int, exclude using btree (id lying_order with ===));
  create table liar (id int);
  create unique index on liar (id lying_order);
  create table liar_child (id int references liar (id));
  grant select, insert, update, delete on hashed, hashed_part, listed, listed_part, filtered, apart, liar, liar_child
    to WRITER;
  grant select, insert, update, delete on boxes, presets, conditional to WRITER;
  grant select, insert, update, delete on open_cards, slow_cards, vault, defaulted, checked, ruled, secured,
    slow_check, measured to WRITER;
  grant execute on procedure wipe() to WRITER;`;

const NOT_ONE: readonly string[] = [
  '',
  '-- nothing',
  'this is not SQL',
  'select 1; drop table card',
  'select 1; select 2',
  "update card set number = 'x' where id = 1; commit; delete from card",
  'select 1 /* ; */ ; delete from card -- */',
  'select 1 /* /* nested */ ; still a comment */ ; delete from card',
  "select 'a' -- \r; delete from card\n; delete from card",
  'select $$;$$; delete from card',
  'select 1\0; drop table card',
  "select '\ud800'",
  `select '${'x'.repeat(70_000)}'`,
  `select 1${'+1'.repeat(32_000)}`,
  `select ${'('.repeat(30_000)}1${')'.repeat(30_000)}`,
  `select ${'(select '.repeat(6_000)}1${')'.repeat(6_000)}`,
];

const WRONG_KIND: readonly string[] = [
  'do $$ begin delete from card; end $$',
  'call wipe()',
  `copy card to program 'touch ${PROOF}'`,
  `copy card from program 'touch ${PROOF}'`,
  `copy (delete from card returning *) to '${PROOF}'`,
  "notify heard, 'x'",
  'listen heard',
  'prepare later as delete from card',
  'execute later',
  'explain analyze delete from card',
  'explain select steal(1)',
  'vacuum card',
  'truncate card',
  'create table loot as select * from card',
  'create function pg_temp.x() returns int language sql as $$ select 1 $$',
  'drop table card',
  'alter table card disable trigger all',
  'grant all on card to public',
  'lock table card',
  'begin',
  'commit',
  'rollback',
  'savepoint a',
  'set role postgres',
  'reset role',
  'set session authorization default',
  'set local statement_timeout = 0',
  'declare c cursor for select 1',
  'fetch all from c',
  'discard all',
  "security label on table card is 'x'",
  'refresh materialized view x',
  'checkpoint',
  'select * from card for update',
  'select * from card for key share nowait',
  'with locked as (select * from card for update) delete from card using locked where card.id = locked.id',
  'select * into loot from card',
  'select * from card tablesample bernoulli (10)',
  'delete from card where current of c',
  'delete from card where id = $1',
  'delete from other_database.public.card',
];

const FORBIDDEN_FUNCTIONS: readonly string[] = [
  'select pg_sleep(30)',
  'select pg_catalog.pg_sleep(30)',
  'select "pg_sleep"(30)',
  'select U&"pg\\005fsleep"(30)',
  'values (pg_sleep(30))',
  "select * from pg_sleep_for('1 minute')",
  'select 1 order by pg_sleep(30)',
  'select pg_advisory_lock(1)',
  'delete from card where pg_try_advisory_lock(id)',
  "select pg_notify('heard', 'x')",
  "select set_config('role', 'postgres', false)",
  "select set_config('keyturn.x', 'y', true)",
  "select pg_read_file('/etc/passwd')",
  "select pg_ls_dir('/')",
  "select lo_import('/etc/passwd')",
  'select lo_create(0)',
  "select * from dblink('dbname=postgres', 'select 1') as t(a int)",
  "select nextval('ticket')",
  "insert into card values (nextval('ticket'), 1, 'x')",
  "select setval('ticket', 1000)",
  "select currval('ticket')",
  "select query_to_xml('delete from card', true, false, '')",
  "select * from ts_stat('select 1')",
  'select pg_terminate_backend(pg_backend_pid())',
  'select pg_export_snapshot()',
  "select pg_logical_emit_message(false, 'a', 'b')",
  'select pg_stat_reset()',
  'select pg_current_xact_id()',
  'select pg_temp.keyturn_statement()',
  'select steal(1)',
  'select public.steal(1)',
  'update account set balance = 1 where steal(id)',
  'insert into card select id, 1, steal(id)::text from account',
  'with x as (select steal(1)) select * from x',
  'select lower(card) from card',
  'select card.sneaky from card',
  'select (card).sneaky from card',
  'select 1 operator(public.@@@) 2',
  'select 1 @@@ 2',
  'select steal_all(1)',
  'select row(1)::wrapped::int',
  "select 'x'::short",
  'select * from open_cards',
  'select * from slow_cards',
  'insert into defaulted (id) values (1)',
  'insert into checked values (1)',
  'select * from secured',
  'insert into slow_check values (1)',
  'insert into boxes (id, b) select 1, row(number)::boxed from card',
  'insert into boxes (id, list) select 1, array[number] from card',
  'insert into presets (id) values (1)',
  // The server converts these while it reads the statement.
  ...[
    `'("x")'::boxed`,
    `cast('("x")' as public.boxed)`,
    `boxed '("x")'`,
    `'{x}'::short[]`,
    `'{x}'::shorter[]`,
    `'{x}'::slow_word[]`,
    `'{"(x)"}'::boxed[]`,
    `'("(x)",1)'::deep`,
    `'[a,b]'::short_range`,
    `'{[a,b]}'::short_multirange`,
    `of_box('("x")')`,
    `%% '("x")'`,
  ].map((literal) => `select ${literal}`),
  `insert into boxes (id, b) values (1, '("x")')`,
  `insert into boxes (id, list) values (1, '{x}')`,
  `select 1 from boxes where list = '{x}'`,
  `select 1 from boxes where b in ('("x")', null)`,
  `select 1 from (select b from boxes) x where b = '("x")'`,
  `with x as (select '{x}'::short[]) delete from card`,
  'insert into conditional values (1)',
  'update ruled set id = 2',
  'delete from ruled',
  'insert into preset_view (id) values (2)',
  'update stolen_view set amount = 2',
  "update ruled_view set number = 'x'",
  // What the server calls to find partitions, to keep indexes, and to check constraints.
  'insert into hashed values (1)',
  'insert into hashed_part values (1)',
  'select * from hashed where id = 1',
  'insert into listed values (1)',
  'insert into listed_part values (1)',
  'insert into filtered values (1)',
  'insert into apart values (1)',
  'insert into liar_child values (1)',
  'delete from liar where id = 1',
];

const NOT_PREVIEWABLE: readonly string[] = [
  'update account set balance = random() * 100 where id = 1',
  'update account set balance = extract(epoch from now()) where id = 1',
  'update account set balance = (select random() * 100) where id = 1',
  "update account set note = 'at ' || clock_timestamp() where id = 1",
  "update account set updated_at = 'now' where id = 1",
  "update account set (balance, note) = (random(), 'x') where id = 1",
  "insert into card values (1, 1, 'x') on conflict (id) do update set number = random()::text",
  'insert into card (id, account_id, number) values (91, 1, random()::text)',
  'merge into card using account on card.id = account.id when matched then update set number = random()::text',
  'with x as (select random() as r) update account set balance = x.r from x where id = 1',
  'with x as (update account set balance = random() where id = 1 returning *) select 1 from x',
  'insert into ruled values (1)',
  'insert into ruled_far values (2)',
  'update ruled_far set id = 2',
  'delete from ruled_slow',
  'update vault_view set amount = 2',
  'delete from vault_view',
  "insert into ledger_view (key, request_id) values ('k', 'r')",
  'delete from ledger_view',
  "update desk_view set number = 'x'",
  "update pg_settings set setting = '0' where name = 'statement_timeout'",
  'select * from pg_authid',
  'select * from information_schema.tables',
  "insert into keyless select 'x', n from generate_series(1, 60) n where random() < 0.5",
  'merge into vault using account on vault.id = account.id when matched then delete',
  'insert into vault select 2, 3',
];

const TARGET_ERRORS: readonly string[] = [
  'select * from hidden.salary',
  'update hidden.salary set amount = 0',
  "insert into keyturn.execution (key, request_id) values ('k', 'r')",
  'select 1 / 0',
  'select no_such_column from card',
  'delete from no_such_table',
  'insert into card select n, 1, repeat(md5(n::text), 100) from generate_series(100, 1100) n returning *',
  'insert into card (id, account_id) values (1, 1)',
];

async function leftBehind(): Promise<unknown> {
  // Sessions that ask the catalogue are kept for the next call: between calls they hold nothing.
  const sessions = await bank.rows(
    `select pid from pg_stat_activity
      where application_name like 'keyturn%' and datname = current_database() and state <> 'idle'`,
  );
  const locks = await bank.rows(
    `select 1 from pg_locks join pg_database on pg_database.oid = database
      where locktype = 'advisory' and datname = current_database()`,
  );
  return { sessions: sessions.length, locks: locks.length };
}

describe.each([
  ['not_one_statement', NOT_ONE],
  ['statement_kind', WRONG_KIND],
  ['function_not_allowed', FORBIDDEN_FUNCTIONS],
  ['not_previewable', NOT_PREVIEWABLE],
  ['target_error', TARGET_ERRORS],
] as const)('a hostile statement refused as %s', (code, statements) => {
  it.each(statements.map((text) => [text.slice(0, 100), text] as const))(
    'does nothing at planning: %s',
    async (_name, text) => {
      const before = await bank.checksum();
      const outcome = await connector.plan(bank.call(text));
      expect(outcome).toMatchObject({ kind: 'refused', code });
      expect(await bank.checksum()).toBe(before);
      await vi.waitFor(async () => expect(await leftBehind()).toEqual({ sessions: 0, locks: 0 }));
      expect(await bank.rows(`select is_called from ticket`)).toEqual([{ is_called: false }]);
      await bank.admin.query('select 1');
      expect(heard).toEqual([]);
      expect(existsSync(PROOF)).toBe(false);
    },
  );
});

describe('a hostile statement that got itself approved', () => {
  let harmless: Plan;

  beforeAll(async () => {
    const outcome = await connector.plan(bank.call("update card set number = 'y' where id = 1"));
    if (outcome.kind === 'refused') throw new Error(outcome.detail);
    harmless = outcome.plan;
  });

  it.each(
    [...NOT_ONE, ...WRONG_KIND, ...FORBIDDEN_FUNCTIONS, ...NOT_PREVIEWABLE].map(
      (text) => [text.slice(0, 100), text] as const,
    ),
  )('still does nothing at execution: %s', async (_name, text) => {
    const before = await bank.checksum();
    const call = bank.approved(harmless, { arguments: { statement: text } });
    const outcome = await connector.execute(call);
    expect(outcome.kind).toBe('drifted');
    expect(await bank.checksum()).toBe(before);
    expect(heard).toEqual([]);
  });
});

describe('the label of a hostile requester', () => {
  it('cannot end the comment in front of the statement', async () => {
    const before = await bank.checksum();
    const call = {
      ...bank.call('select 1'),
      requester: '*/ delete from card; /*',
      requestId: '*/ delete from card --',
    };
    expect(await connector.plan(call)).toMatchObject({ kind: 'planned', plan: { effects: [] } });
    expect(await bank.checksum()).toBe(before);
  });
});
