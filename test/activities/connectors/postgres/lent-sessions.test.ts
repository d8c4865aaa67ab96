import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { KeptSessions } from '../../../../activities/connectors/postgres/kept-sessions.ts';
import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { DEFAULT_LIMITS, readTargetSettings } from '../../../../activities/connectors/postgres/settings.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
let other: TargetDatabase;
let login: string;
const connector = createPostgresConnector();

const FUNCTIONS = ['litter', 'mark', 'mark_leaving', 'mark_still', 'peek', 'tell'];
const CONNECTION = {
  allowed_functions: FUNCTIONS.map((name) => `public.${name}`),
  made_at_execution: ['public.mark_made'],
};

beforeAll(async () => {
  [bank, other] = await Promise.all([startTargetDatabase(), startTargetDatabase()]);
  login = new URL(bank.loginUrl).username;
  await bank.admin.query(`
    create table marking (id int primary key);
    create table told (id int primary key, is_marked boolean);
    create function mark() returns trigger language plpgsql as $$
      begin perform set_config('app.mark', 'on', true); return new; end $$;
    create function tell() returns trigger language plpgsql as $$
      begin new.is_marked := current_setting('app.mark', true) is not null; return new; end $$;
    create trigger marks before insert on marking for each row execute function mark();
    create trigger tells before insert on told for each row execute function tell();

    create table quiet (id int primary key, value text);
    create function mark_still(value text) returns text immutable language plpgsql as $$
      begin perform set_config('app.mark', 'on', true); return value; end $$;
    create function mark_made() returns text language plpgsql as $$
      begin perform set_config('app.mark', 'on', true); return gen_random_uuid(); end $$;
    create table leaving (id int primary key);
    create function mark_leaving() returns trigger language plpgsql as $$
      begin perform set_config('app.mark', 'on', true); return old; end $$;
    create trigger marks before delete on leaving for each row execute function mark_leaving();

    create table owned (id int primary key, tenant text default current_setting('app.tenant', true));

    create table littering (id int primary key);
    create table peeking (id int primary key, seen text);
    create function litter() returns trigger language plpgsql as $$
      begin
        execute 'prepare left_behind as select 1';
        execute 'declare left_open cursor with hold for select 1';
        execute 'listen left_on';
        execute 'set session characteristics as transaction read only';
        perform set_config('TimeZone', 'Asia/Tokyo', false), set_config('search_path', 'hidden', false);
        perform set_config('role', '${bank.observerRole}', false);
        return new;
      end $$;
    create function peek() returns trigger language plpgsql as $$
      begin
        new.seen := concat_ws(' ', (select count(*) from pg_prepared_statements where name = 'left_behind'),
          (select count(*) from pg_cursors where name = 'left_open'),
          (select count(*) from pg_listening_channels()), current_setting('default_transaction_read_only'),
          current_setting('TimeZone') = 'Asia/Tokyo', current_user = '${bank.statementRole}');
        return new;
      end $$;
    create trigger litters before insert on littering for each row execute function litter();
    create trigger peeks before insert on peeking for each row execute function peek();

    grant insert, select on marking, told, quiet, leaving, owned, littering, peeking to ${bank.statementRole};
    grant delete on leaving to ${bank.statementRole};
    grant select on marking, told, quiet, leaving, owned, littering, peeking to ${bank.observerRole};`);
});

afterAll(async () => {
  await bank.stop();
  await other.stop();
});

async function planned(statement: string) {
  const outcome = await connector.plan(bank.call(statement, CONNECTION));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

async function executed(statement: string): Promise<string> {
  const plan = await planned(statement);
  const outcome = await connector.execute({ ...bank.approved(plan), target: bank.target(CONNECTION) });
  return outcome.kind === 'drifted' ? `drifted: ${outcome.detail}` : outcome.kind;
}

describe('a session that is lent again', () => {
  it('is of the server that its key names, also where the reference changed while it was opened', async () => {
    const kept = new KeptSessions();
    const request = {
      settings: readTargetSettings(bank.target()),
      limits: DEFAULT_LIMITS,
      requestId: 'req_test',
    };
    const databaseOf = async (client: Client): Promise<string> =>
      (await client.query<{ name: string }>('select current_database() as name')).rows[0]?.name ?? '';
    const variable = String(bank.target().connection['url']).slice('env:'.length);
    const lent = kept.lend(request, databaseOf, { use: 'statement' });
    process.env[variable] = other.loginUrl;
    await lent;
    process.env[variable] = bank.loginUrl;
    const expected = new URL(bank.loginUrl).pathname.slice(1);
    expect(await kept.lend(request, databaseOf, { use: 'statement' })).toBe(expected);
  });

  it.each([
    ['a trigger', 'insert into marking values (1)'],
    ['a function that is declared to be immutable', "insert into quiet values (1, public.mark_still('x'))"],
    ['a function that makes a value at execution', 'insert into quiet values (1, public.mark_made())'],
    ['a trigger of its way back', 'insert into leaving values (1)'],
  ])('does not know a setting that only %s had, not even as an empty one', async (_, statement) => {
    await bank.admin.query('delete from told');
    await planned(statement);
    const [effect] = (await planned('insert into told values (1)')).effects;
    expect(effect?.assigned_columns).toEqual([]);
    await planned(statement);
    expect(await executed('insert into told values (1)')).toBe('succeeded');
    expect(await bank.rows('select * from told')).toEqual([{ id: 1, is_marked: false }]);
  });

  it('holds nothing that functions left in it', async () => {
    expect(await executed('insert into littering values (1)')).toBe('succeeded');
    expect(await executed('insert into peeking values (1)')).toBe('succeeded');
    expect(await bank.rows('select * from peeking')).toEqual([{ id: 1, seen: '0 0 0 off f t' }]);
  });
});

describe('settings of new sessions', () => {
  it('hold for the next call where they only move to another place', async () => {
    const database = new URL(bank.loginUrl).pathname.slice(1);
    await bank.admin.query(
      `alter role ${login} set app.tenant = 'one'; alter database ${database} set app.tenant = 'two'`,
    );
    expect(await executed('insert into owned (id) values (1)')).toBe('succeeded');
    await bank.admin.query(`alter role ${login} reset app.tenant; alter role all set app.tenant = 'one'`);
    try {
      expect(await executed('insert into owned (id) values (2)')).toBe('succeeded');
    } finally {
      await bank.admin.query(`alter role all reset app.tenant; alter database ${database} reset app.tenant`);
    }
    expect(await bank.rows('select * from owned order by id')).toEqual([
      { id: 1, tenant: 'one' },
      { id: 2, tenant: 'two' },
    ]);
  });

  it('also hold where an event trigger makes them', async () => {
    await bank.admin.query(`
      create function greet() returns event_trigger language plpgsql as $$
        begin perform set_config('app.tenant', 'greeted', false); end $$;
      create event trigger greets on login execute function greet();`);
    try {
      expect(await executed('insert into owned (id) values (3)')).toBe('succeeded');
      expect(await executed('insert into owned (id) values (4)')).toBe('succeeded');
    } finally {
      await bank.admin.query('drop event trigger greets');
    }
    expect(await bank.rows('select * from owned where id > 2 order by id')).toEqual([
      { id: 3, tenant: 'greeted' },
      { id: 4, tenant: 'greeted' },
    ]);
  });
});
