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
  create extension pgcrypto;
  create extension "uuid-ossp";
  create table member (id int primary key, name text, password text, token text unique, nonce bytea, roll numeric, luck int,
                       slug text, loud text generated always as (upper(slug)) stored, ref text unique, made uuid);
  insert into member (id, name, password) values (1, 'ada', 'old'), (2, 'bob', 'old');
  create table badge (id int primary key, ref text references member (ref) on update cascade);
  create table watched (id int primary key, password text, seen text);
  insert into watched values (1, 'old', null);
  create function see() returns trigger language plpgsql as $$ begin new.seen := new.password; return new; end $$;
  create trigger watched_sees before update on watched for each row execute function see();
  create table split (id int, shard text, primary key (id, shard)) partition by list (shard);
  create table split_all partition of split default;
  create table drawn_index (id int primary key, name text);
  create unique index on drawn_index (lower(name));
  insert into drawn_index values (1, 'x');
  create table keyring (id int primary key, secret bytea default gen_random_bytes(16));
  create view members as select id, name, password from member;
  create view desk as select id, password from member;
  create trigger desk_writes instead of update on desk for each row execute function see();
  create table ruled (id int primary key, password text);
  create rule ruled_also as on insert to ruled do also update member set name = new.password where id = 1;
  grant select, insert, update, delete on member, badge, watched, split, drawn_index, members, desk, ruled, keyring to WRITER;
  grant select on all tables in schema public to OBSERVER;`;

const ALLOWING = {
  allowed_functions: ['public.crypt', 'public.see'],
  made_at_execution: [
    'public.gen_salt',
    'public.gen_random_bytes',
    'public.uuid_generate_v4',
    'pg_catalog.random',
    'pg_catalog.gen_random_uuid',
  ],
};

const MADE = [
  [
    "update member set password = crypt('secret', gen_salt('bf', 4)) where id = 1",
    'password',
    "crypt('secret', gen_salt('bf', 4))",
  ],
  [
    "update members set password = crypt('secret', gen_salt('bf', 4)) where id = 1",
    'password',
    "crypt('secret', gen_salt('bf', 4))",
  ],
  [
    "insert into member (id, name, password) values (3, 'cy', crypt('a', gen_salt('md5'))), (4, 'di', crypt('b', gen_salt('md5')))",
    'password',
    "crypt('a', gen_salt('md5')) or crypt('b', gen_salt('md5'))",
  ],
  ['update member set nonce = gen_random_bytes(16)', 'nonce', 'gen_random_bytes(16)'],
  [
    "update member set name = encode(gen_random_bytes(8), 'hex') where id = 2",
    'name',
    "encode(gen_random_bytes(8), 'hex')",
  ],
  ['update member set made = uuid_generate_v4()', 'made', 'uuid_generate_v4()'],
  ['update member set roll = random()', 'roll', 'random()'],
  [
    'update member set luck = floor(random() * 2)::int where id = 1',
    'luck',
    'floor((random() * 2))::integer',
  ],
  [
    'insert into member (id, luck) select n, (random() * 6)::int from generate_series(10, 12) n',
    'luck',
    '(random() * 6)::integer',
  ],
  [
    'update member set name = md5(gen_random_uuid()::text) where id = 2',
    'name',
    'md5(gen_random_uuid()::text)',
  ],
  [
    "insert into watched (id, password) values (7, crypt('x', gen_salt('md5')))",
    'password',
    "crypt('x', gen_salt('md5'))",
  ],
  [
    'insert into member (id, luck) values (1, random()) on conflict (id) do update set luck = excluded.luck',
    'luck',
    'random()',
  ],
] as const;

describe('a value that the target lets be made at execution', () => {
  it.each(MADE)('is left to it and shown by its expression: %s', async (statement, column, expression) => {
    await bank.admin.query(
      "delete from member where id > 2; delete from watched where id > 1; update member set password = 'old', luck = null",
    );
    const outcome = await connector.plan(bank.call(statement, ALLOWING));
    expect(outcome).toMatchObject({
      plan: { effects: [{ assigned_columns: [column], is_counts_only: false }] },
    });
    if (outcome.kind !== 'planned') return;
    expect(outcome.plan.warnings.join('\n')).toContain(
      `${column} is made at execution, and not compared with any approved value: ${expression}`,
    );
    const { target } = bank.call('', ALLOWING);
    expect(await connector.execute(bank.approved(outcome.plan, { target }))).toMatchObject({
      kind: 'succeeded',
    });
  });

  it.each(MADE)('is refused where the target says nothing: %s', async (statement) => {
    const outcome = await connector.plan(
      bank.call(statement, { allowed_functions: ['public.crypt', 'public.see'] }),
    );
    expect(outcome).toMatchObject({ kind: 'refused' });
  });

  it('is so where a default makes it as well: it is no code that may put in what it reads', async () => {
    const outcome = await connector.plan(
      bank.call('insert into keyring (id) select id from account where id < 3', ALLOWING),
    );
    expect(outcome).toMatchObject({
      plan: {
        effects: [{ inserted: 2, assigned_columns: ['secret'] }],
        risk_facts: { is_fully_previewed: true },
      },
    });
  });

  it('is drift when the target does not say so any more', async () => {
    const outcome = await connector.plan(bank.call('update member set roll = random()', ALLOWING));
    if (outcome.kind !== 'planned') throw new Error('not planned');
    expect(await connector.execute(bank.approved(outcome.plan))).toMatchObject({ kind: 'drifted' });
  });

  it.each([
    ['the column is part of a key', 'update member set token = random()::text where id = 1'],
    ['the column is the key', 'insert into member (id) values ((random() * 1000000)::int)'],
    ['an index over it is unique', 'update drawn_index set name = random()::text'],
    ['foreign keys carry it on', 'update member set ref = random()::text where id = 1'],
    ['it is a reference', 'insert into badge values (1, random()::text)'],
    ['a trigger reads it', "update watched set password = crypt('x', gen_salt('md5'))"],
    ['a generated column reads it', 'update member set slug = random()::text'],
    ['it decides the partition', 'insert into split values (1, random()::text)'],
    ['it is handed to a trigger of a view', "update desk set password = crypt('x', gen_salt('md5'))"],
    ['it is handed to a rule', "insert into ruled values (1, crypt('x', gen_salt('md5')))"],
    ['it chooses rows', 'update member set name = $$x$$ where random() < 0.5'],
    [
      'it chooses rows of a join',
      'update member set name = $$x$$ from account a where a.id = (random() * 5)::int',
    ],
    [
      'it chooses what is merged',
      'merge into member m using account a on m.id = (random() * 5)::int when matched then delete',
    ],
    ['it limits rows', 'insert into member (id) select id + 100 from account limit (random() * 5)::int'],
    ['it decides a condition', "update member set name = case when random() < 0.5 then 'a' else 'b' end"],
    ['it is calculated from a column', 'update member set luck = luck + (random() * 5)::int'],
    ['it hashes what a row holds', "update member set password = crypt(name, gen_salt('md5'))"],
    ['a sub-select carries it', 'update member set roll = (select random())'],
    ['rows share it', 'update member set roll = x.r from (select random() r) x'],
    [
      'two columns share it',
      'insert into member (id, roll, luck) select 50, r, r from (select random() r from account limit 1) x',
    ],
    [
      'another part of the statement gets it',
      'with x as (insert into member (id, roll) values (51, random()) returning roll) insert into badge (id) select (roll * 1000000)::int from x',
    ],
    [
      'another part of the statement stores it',
      'with x as (update member set roll = random() where id = 1 returning roll) update watched set password = x.roll::text from x',
    ],
    ['an aggregate works on it', 'insert into member (id, roll) select 52, max(random()) from account'],
    ['only one of two rows gets it', 'insert into member (id, roll) values (53, random()), (54, 5)'],
    ['it is the clock of the wall', 'update member set name = clock_timestamp()::text'],
  ])('is refused where %s', async (_, statement) => {
    const before = await bank.checksum();
    expect(await connector.plan(bank.call(statement, ALLOWING))).toMatchObject({
      kind: 'refused',
      code: 'not_previewable',
    });
    expect(await bank.checksum()).toBe(before);
  });
});
