import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => {
  await bank.stop();
});

/** Each fits types that the catalogue's own questions use better than what pg_catalog has. */
const PLANTED: readonly (readonly [string, string])[] = [
  ['format(text, name, name)', 'text'],
  ['format(text, name)', 'text'],
  ['concat_ws(text, name, name)', 'text'],
  ['quote_ident(name)', 'text'],
  ['array_agg(oid)', 'oid[]'],
  ['to_regclass(name)', 'regclass'],
  ['has_table_privilege(name, oid, name)', 'boolean'],
];

const OPERATORS: readonly (readonly [string, string, string])[] = [
  ['!~', 'name', 'varchar'],
  ['=', 'oid', 'regclass'],
  ['=', 'oid', 'regproc'],
  ['=', 'name', 'varchar'],
  ['<>', 'text', 'varchar'],
  ['=', 'text', 'varchar'],
  ['||', 'text', 'name'],
];

async function planAndExecute(): Promise<unknown> {
  const outcome = await connector.plan(bank.call("update card set number = 'planted' where id = 1"));
  if (outcome.kind === 'refused') return outcome;
  const executed = await connector.execute(bank.approved(outcome.plan));
  await bank.admin.query("update card set number = '4000-1' where id = 1");
  return executed;
}

describe('questions that Keyturn asks by itself', () => {
  it.each(PLANTED)('do not call what stands in a schema of the path: %s', async (signature, answer) => {
    await bank.admin.query(`create function public.${signature} returns ${answer} language plpgsql as $$
      begin raise exception 'planted'; end $$`);
    expect(await planAndExecute()).toMatchObject({ kind: 'succeeded' });
    await bank.admin.query(`drop function public.${signature}`);
  });

  it.each(OPERATORS)('do not use an operator that stands there: %s (%s, %s)', async (sign, left, right) => {
    const result = sign === '||' ? 'text' : 'boolean';
    await bank.admin.query(`
      create function public.planted(${left}, ${right}) returns ${result} language plpgsql as $$
        begin raise exception 'planted'; end $$;
      create operator public.${sign} (leftarg = ${left}, rightarg = ${right}, function = public.planted)`);
    expect(await planAndExecute()).toMatchObject({ kind: 'succeeded' });
    await bank.admin.query(`drop function public.planted(${left}, ${right}) cascade`);
  });

  it('find a login role whose own path is another one', async () => {
    const login = new URL(bank.loginUrl).username;
    await bank.admin.query(`
      create function public.format(text, name, name) returns text language plpgsql as $$
        begin raise exception 'planted'; end $$;
      alter role ${login} set search_path = public, pg_catalog`);
    expect(await planAndExecute()).toMatchObject({ kind: 'succeeded' });
    await bank.admin.query(`
      alter role ${login} reset search_path; drop function public.format(text, name, name)`);
  });
});

it('what is called while rows are counted leaves nothing behind in the session that asks', async () => {
  await bank.admin.query(`
    create function public.forgets() returns boolean language plpgsql as $$
      begin execute 'deallocate all'; return true; end $$;
    create table kept_here (id int primary key);
    insert into kept_here values (1);
    alter table kept_here enable row level security;
    create policy everybody on kept_here using (public.forgets());
    grant select, delete on kept_here to ${bank.statementRole};
    grant select on kept_here to ${bank.observerRole}`);
  const counting = { planning: { rehearse: 'count' }, allowed_functions: ['public.forgets'] };
  for (const statement of ['delete from kept_here where id = 1', 'delete from kept_here where id = 2'])
    expect(await connector.plan(bank.call(statement, counting))).toMatchObject({ kind: 'planned' });
});

it('a policy that nobody vouches for takes none of them from the session that reads the effect', async () => {
  await bank.admin.query(`
    create function public.unlisted() returns boolean language plpgsql as $$
      begin execute 'deallocate all'; return true; end $$;
    create table reached (id int primary key, changes int);
    insert into reached values (1, 0);
    alter table reached enable row level security;
    create policy everybody on reached to ${bank.observerRole} using (public.unlisted());
    create table reaching (id int primary key);
    create function public.reaches() returns trigger language plpgsql security definer as $$
      begin update reached set changes = changes + 1; return new; end $$;
    create trigger reaches after insert on reaching for each row execute function public.reaches();
    grant select, insert on reaching to ${bank.statementRole};
    grant select on reached, reaching to ${bank.observerRole}`);
  const call = bank.call('insert into reaching values (1)', { allowed_functions: ['public.reaches'] });
  expect(await connector.plan(call)).toMatchObject({ kind: 'planned' });
});

it('a trigger cannot answer them when what it does is undone on trial', async () => {
  await bank.admin.query(`
    create table answered (id int primary key, note text);
    insert into answered values (1, 'old');
    create function public.answers() returns trigger language plpgsql as $$
      declare counting text;
      begin
        for counting in select name from pg_prepared_statements
                         where statement like '%is_catalogue%' and cardinality(parameter_types) = 2 loop
          execute format('deallocate %I', counting);
          execute format('prepare %I (text, text) as select null::text as oid where false', counting);
        end loop;
        new.note := new.note || '!';
        return new;
      end $$;
    create trigger answers before update on answered for each row execute function public.answers();
    grant select, insert, update, delete on answered to ${bank.statementRole};
    grant select on answered to ${bank.observerRole}`);
  const call = bank.call("update answered set note = 'new'", { allowed_functions: ['public.answers'] });
  expect(await connector.plan(call)).toMatchObject({ plan: { reversal: { is_possible: false } } });
});

/** A way to the target over which answers travel for a while. `whenLeft` waits until nobody uses it any more. */
async function longWay({
  port,
  hostname,
}: URL): Promise<{ readonly port: number; readonly whenLeft: () => Promise<void> }> {
  const open: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    open.push(near);
    near.pipe(far);
    far.on('data', (answer) => void setTimeout(40).then(() => near.write(answer)));
    far.on('close', () => near.destroy());
    for (const end of [near, far]) end.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    whenLeft: async () => {
      for (const near of open) if (!near.closed) await once(near, 'close');
      server.close();
    },
  };
}

describe('a target where others may create in a schema of its path', () => {
  it('is asked nothing any more once it is refused, outside of the transaction that keeps names safe', async () => {
    await bank.admin.query(`
      drop table if exists planted;
      create table planted (by text);
      grant insert on planted to public;
      create function public.acts(oid[], oid[]) returns boolean language plpgsql as $$
        begin insert into public.planted values (session_user); return false; end $$;
      create operator public.&& (leftarg = oid[], rightarg = oid[], function = public.acts);
      create function public.nobody_vouches(int) returns boolean language sql as 'select true';
      create domain odd as int check (public.nobody_vouches(value));
      grant usage, create on schema public to public`);
    const url = new URL(bank.loginUrl);
    const way = await longWay(url);
    url.hostname = '127.0.0.1';
    url.port = String(way.port);
    process.env['KEYTURN_TARGET_LONG_WAY'] = url.href;
    const call = bank.call("update card set number = lower('x') where id = 1", {
      url: 'env:KEYTURN_TARGET_LONG_WAY',
    });
    expect(await connector.plan(call)).toMatchObject({ kind: 'refused', code: 'target_error' });
    await way.whenLeft();
    await bank.admin.query(`
      revoke usage, create on schema public from public;
      drop function public.acts(oid[], oid[]) cascade;
      drop domain odd;
      drop function public.nobody_vouches(int)`);
    expect(await bank.rows('select * from planted')).toEqual([]);
  });

  it.each(['public', 'WRITER'])('is refused with what to run: %s', async (name) => {
    const role = name.replace('WRITER', bank.statementRole);
    await bank.admin.query(`grant create on schema public to ${role}`);
    expect(await connector.plan(bank.call('delete from card'))).toMatchObject({
      kind: 'refused',
      code: 'target_error',
      detail: expect.stringMatching(/REVOKE CREATE ON SCHEMA "?public"? FROM /),
    });
    await bank.admin.query(`revoke create on schema public from ${role}`);
  });
});
