import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`
    create extension pgcrypto;
    create extension "uuid-ossp";
    create table merged (id int primary key, what text);
    create table merge_log (id int, what text);
    insert into merged values (1, 'x');
    grant select, insert, update, delete on merged, merge_log to ${bank.statementRole};
    grant select on merged, merge_log to ${bank.observerRole}`);
});

afterAll(async () => {
  await bank.stop();
});

const LOCKS =
  'Row locks (FOR UPDATE, FOR SHARE, SKIP LOCKED) do nothing here: the statement is a transaction of its own and locks ' +
  'what it changes. Leave the clause out.';
const SEQUENCE =
  'takes or sets values of a sequence, which no rollback gives back. Leave the column out or write DEFAULT; setting a ' +
  'sequence is its owner’s work.';
const WALL_CLOCK =
  'gives another time every time, also within the statement. Write now(), which is fixed when it is executed.';
const MADE_UP =
  'gives another value every time. Write the value itself, leave the column to its default, or let the owner of the ' +
  'target list the function in made_at_execution.';
const CATALOGUE = 'reads the catalogue. Look it up with a role that only reads, and write what you found.';
const SERVER =
  'belongs to the server, and no rows are returned here. Look it up with a role that only reads, and write what you found.';

describe('a refusal of an everyday statement', () => {
  it.each([
    ['delete from card where id in (select id from card order by id limit 1 for update skip locked)', LOCKS],
    ['select * from account where id = 1 for update', LOCKS],
    [
      'with c as (select id from card for no key update nowait) delete from card using c where card.id = c.id',
      LOCKS,
    ],
    [
      'select * into copied from card',
      'SELECT INTO creates a table. Let its owner create it, and write INSERT INTO … SELECT.',
    ],
    [
      'delete from card where current of c',
      'WHERE CURRENT OF needs a cursor, and there is none. Name the row by its key.',
    ],
    ['delete from card where id = $1', 'Parameters ($1) have no values here. Write the values themselves.'],
    [
      'delete from card where id in (select id from card tablesample system (10))',
      'TABLESAMPLE picks other rows every time. Choose them by a condition, or by ORDER BY a key and LIMIT.',
    ],
    [
      "insert into merge_log select * from xmltable('/a' passing '<a/>' columns id int, what text)",
      'XMLTABLE is not followed. Write unnest(xpath(…)).',
    ],
    ["insert into card values (nextval('ticket'), 1, 'x')", `nextval() ${SEQUENCE}`],
    ["select setval('ticket', 5)", `setval() ${SEQUENCE}`],
    ["select pg_catalog.setval('ticket', 5)", `setval() ${SEQUENCE}`],
    ['update account set updated_at = clock_timestamp()', `clock_timestamp() ${WALL_CLOCK}`],
    ['update account set note = timeofday()', `timeofday() ${WALL_CLOCK}`],
    ['update account set balance = random() * 10', `random() ${MADE_UP}`],
    ['update account set note = md5(random()::text)', `random() ${MADE_UP}`],
    ["update account set note = 'x' where random() < 0.1", `random() ${MADE_UP}`],
    ["update account set note = encode(public.gen_random_bytes(8), 'hex')", `gen_random_bytes() ${MADE_UP}`],
    [
      "update account set note = crypt('x', 'salt')",
      'crypt() is not on the target’s list of functions. Let its owner list it, and gen_salt in made_at_execution.',
    ],
    ["update account set note = 'x' || gen_salt('bf')", `gen_salt() ${MADE_UP}`],
    [
      'update account set note = uuid_generate_v4()::text',
      'uuid_generate_v4() is not a function of the server itself. Write gen_random_uuid().',
    ],
    [
      "update account set note = current_setting('application_name')",
      'current_setting() reads or sets the session, which is another one when the statement runs. Write the value itself.',
    ],
    ["update account set balance = pg_total_relation_size('card')", `pg_total_relation_size() ${CATALOGUE}`],
    ["delete from card where pg_relation_size('card') > 5", `pg_relation_size() ${CATALOGUE}`],
    ["update account set note = to_regclass('card')::text", `to_regclass() ${CATALOGUE}`],
    ['select * from information_schema.tables', `information_schema.tables ${SERVER}`],
    ['select relname from pg_class', `pg_catalog.pg_class ${SERVER}`],
    [
      'update account set note = (select relname from pg_stat_user_tables limit 1)',
      `pg_catalog.pg_stat_user_tables ${SERVER}`,
    ],
    [
      'select pg_sleep(1)',
      'pg_sleep() waits, locks or notifies other sessions, even while it is only tried out. Leave it out.',
    ],
    [
      'select public.no_such_thing()',
      'The function public.no_such_thing is not allowed at this target. Its owner can vouch for it in allowed_functions.',
    ],
  ])('says what to write instead: %s', async (statement, detail) => {
    const before = await bank.checksum();
    expect(await connector.plan(bank.call(statement))).toMatchObject({ kind: 'refused', detail });
    expect(await bank.checksum()).toBe(before);
  });
});

describe('what only reads the server', () => {
  it.each([
    'select version(), current_database(), current_schema()',
    "select pg_size_pretty(pg_total_relation_size('card'))",
    'select now(), clock_timestamp(), random()',
  ])('is planned as a read: %s', async (statement) => {
    expect(await connector.plan(bank.call(statement))).toMatchObject({ plan: { effects: [] } });
  });

  it.each([
    "update merged set what = current_database() || ' ' || split_part(version(), ' ', 1)",
    `with m as (merge into merged using (values (1), (2)) s(id) on merged.id = s.id when matched then update set what = 'seen'
       when not matched then insert values (s.id, 'new') returning merged.id, merge_action() as what)
     insert into merge_log select id, what from m`,
    `insert into merge_log select * from json_table('[{"id": 1, "what": "a"}]', '$[*]' columns (id int path '$.id', what text))`,
    `update merged set what = j.w from json_table(jsonb '[{"w": ["a", "b"]}]', '$[*]' columns (n for ordinality, nested path '$.w[*]'
       columns (w text path '$' default 'x' on empty))) j where j.w = 'b'`,
  ])('is compared like any other value where it is written: %s', async (statement) => {
    const outcome = await connector.plan(bank.call(statement));
    expect(outcome).toMatchObject({ kind: 'planned' });
    if (outcome.kind !== 'planned') return;
    expect(outcome.plan.effects.flatMap(({ assigned_columns: columns }) => columns)).toEqual([]);
    expect(await connector.execute(bank.approved(outcome.plan))).toMatchObject({ kind: 'succeeded' });
  });

  it('does not let a json table carry what nobody saw', async () => {
    const statement =
      "update merged set what = j.w from json_table(jsonb_build_array(extract(epoch from now())), '$[*]' columns (w text path '$')) j";
    expect(await connector.plan(bank.call(statement))).toMatchObject({
      kind: 'refused',
      code: 'not_previewable',
    });
  });
});
