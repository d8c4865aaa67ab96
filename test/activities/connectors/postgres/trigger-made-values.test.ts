import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

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
  create table payee (id int primary key, iban text);
  create table payout (id int primary key, payee int, amount numeric);
  create table outbox (id bigint generated always as identity primary key, payload jsonb);
  create function to_outbox() returns trigger language plpgsql security definer as $$ begin
    insert into public.outbox (payload) values (jsonb_build_object('sent_at', clock_timestamp(), 'amount', new.amount,
      'due', now() + interval '14 days', 'ref', gen_random_uuid(), 'iban', (select iban from public.payee where id = new.payee)));
    return null; end $$;
  create trigger sends after insert on payout for each row execute function to_outbox();
  create table loose (id int primary key, payee int);
  create table loose_log (id bigint generated always as identity primary key, line jsonb);
  create function to_log() returns trigger language plpgsql security definer as $$ begin
    insert into public.loose_log (line) values (jsonb_build_object('draw', random())); return null; end $$;
  create trigger logs after insert on loose for each row execute function to_log();
  create table item (id int primary key, token uuid default gen_random_uuid(), title text);
  create table override (id int, token uuid);
  create function overriding() returns trigger language plpgsql security definer as $$ declare o public.override; begin
    select * into o from public.override where id = new.id;
    if found then new.token := coalesce(o.token, new.token); end if; return new; end $$;
  create trigger overrides before insert or update on item for each row execute function overriding();
  create table errand (errand_id int generated always as identity primary key, due date, title text, at timestamptz default now());
  create table errand_log (id bigint generated always as identity primary key, line jsonb);
  create function to_errand_log() returns trigger language plpgsql security definer as $$ begin
    insert into public.errand_log (line) values (to_jsonb(new)); return null; end $$;
  create trigger logs after insert on errand for each row execute function to_errand_log();
  create table dates (due date); insert into dates values ('2030-12-24');
  create table branch (current int, token uuid); create table order_ (id int primary key);
  create table order_log (id bigint generated always as identity primary key, line jsonb);
  create function to_order_log() returns trigger language plpgsql security definer as $$ begin
    insert into public.order_log (line) select jsonb_build_object('at', clock_timestamp(), 'branch', jsonb_build_object('id', current))
      from public.branch; return null; end $$;
  create trigger logs after insert on order_ for each row execute function to_order_log();
  select setval('order_log_id_seq', 50);
  create table login (id int primary key, pw text, hash text);
  create function hashing() returns trigger language plpgsql as $$ declare salt text := md5(random()::text); begin
    new.hash := salt || ':' || md5(salt || new.pw); new.pw := null; return new; end $$;
  create trigger hashes before insert on login for each row execute function hashing();
  grant select, insert, update, delete on all tables in schema public to WRITER;
  grant select on all tables in schema public to OBSERVER;`;

const CONNECTION = {
  allowed_functions: ['to_outbox', 'to_order_log', 'to_log', 'to_errand_log', 'overriding', 'hashing'].map(
    (name) => `public.${name}`,
  ),
};

async function planned(statement: string): ReturnType<typeof connector.plan> {
  await bank.admin.query(
    "truncate payee, payout, outbox, item, override, branch, order_, order_log; insert into branch values (7); insert into payee values (7, 'DE-good')",
  );
  return connector.plan(bank.call(statement, CONNECTION));
}

async function executed(statement: string, meanwhile: string): Promise<string> {
  const outcome = await planned(statement);
  if (outcome.kind === 'refused') return `refused: ${outcome.detail}`;
  await bank.admin.query(meanwhile);
  const execution = await connector.execute(bank.approved(outcome.plan, { target: bank.target(CONNECTION) }));
  return execution.kind;
}

const PAYOUT = 'insert into payout values (1, 7, 100)';

describe('what a listed trigger makes at execution', () => {
  it.each([
    ['an account that it reads beside the time', PAYOUT, "update payee set iban = 'XX-evil'"],
    ['nothing instead of what it read', PAYOUT, 'truncate payee'],
    [
      'something in place of nothing',
      'insert into payout values (1, 8, 100)',
      "insert into payee values (8, 'XX-evil')",
    ],
  ])('in a document is compared, but for its times and UUIDs: %s', async (_name, statement, meanwhile) => {
    expect(await executed(statement, meanwhile)).toBe('drifted');
    expect(await bank.rows('select 1 from outbox')).toEqual([]);
  });

  it('in a document is what was approved where nothing changed', async () => {
    expect(await executed(PAYOUT, 'select 1')).toBe('succeeded');
  });

  it('in a document is a key of a new row, and all else of the row is bound', async () => {
    const statement = "insert into errand (due, title) select due, 'new' from dates";
    expect(await executed(statement, 'select 1')).toBe('succeeded');
    expect(await executed(statement, "update dates set due = '2030-12-25'")).toBe('drifted');
  });

  it('in a document is no number out of a table that might be a key', async () => {
    const statement = 'insert into order_ values (1)';
    expect(await executed(statement, 'update branch set current = 8')).toBe('drifted');
    expect(await executed(statement, 'select 1')).toBe('succeeded');
  });

  it('in a document is no key of rows that the statement gives keys to', async () => {
    const statement =
      'with a as (insert into order_log (id) overriding system value values (7), (8)) insert into order_ values (1)';
    expect(await executed(statement, 'update branch set current = 8')).not.toBe('succeeded');
  });

  it('in a document is said to hold any UUID', async () => {
    expect(await planned(PAYOUT)).toMatchObject({
      plan: {
        warnings: expect.arrayContaining([
          expect.stringContaining('public.outbox.payload gets a UUID at execution'),
        ]),
      },
    });
  });

  it('in a document is refused where more than its times and UUIDs differs each time', async () => {
    expect(await planned('insert into loose values (1, 7)')).toMatchObject({ code: 'not_previewable' });
  });

  it('is no UUID with a time of its own that is not the time of execution', async () => {
    const statement = "insert into item (id, title) values (1, 'one')";
    const old = "insert into override values (1, '01890a5d-ac96-774b-bcce-b302099a8057')";
    expect(await executed(statement, old)).toBe('drifted');
  });

  it('is said to be any UUID where it may be one that stands in a table', async () => {
    expect(await planned("insert into item (id, title) values (1, 'one')")).toMatchObject({
      plan: {
        warnings: expect.arrayContaining([
          expect.stringContaining('public.item.token gets a UUID at execution'),
        ]),
        risk_facts: { is_fully_previewed: true },
      },
    });
  });

  it('is said to be unknown, and not previewed, where it may be anything', async () => {
    expect(await planned("insert into login (id, pw) values (1, 'secret')")).toMatchObject({
      plan: {
        warnings: expect.arrayContaining([
          expect.stringContaining('public.login.hash gets what triggers or functions of the target make'),
        ]),
        risk_facts: { is_fully_previewed: false },
      },
    });
  });
});
