import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

/** Statements of text are run by `ts_stat`; the server reads `(value).name` as a call of `name`. */
const SCHEMA = `
  create sequence order_no; create sequence small as smallint;
  create table victim (id int primary key, v text); insert into victim values (1, 'a'), (2, 'b');
  create function wipe() returns text language plpgsql security definer as
    $$ begin delete from public.victim; return 'x'; end $$;
  create function ring() returns text language plpgsql as $$ begin return 'x'; end $$;
  create operator public.@@> (rightarg = regclass, function = pg_catalog.nextval);
  create view counted as select @@> 'order_no'::regclass as n;
  grant select, insert, update, delete on victim, counted to WRITER; grant select on victim, counted to OBSERVER;
  grant usage, update on all sequences in schema public to WRITER; grant select on all sequences in schema public to OBSERVER;`;

const STATE = `select (select count(*) from victim) as rows, (select last_value from order_no) as orders,
                      (select is_called from order_no) as is_used, (select last_value from small) as small`;

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(
    SCHEMA.replaceAll('WRITER', bank.statementRole).replaceAll('OBSERVER', bank.observerRole),
  );
});

afterAll(async () => {
  await bank.stop();
});

const runs = (query: string): string => `(select count(*) from (select ($q$${query}$q$::text).ts_stat) s)`;
const UPDATE = "update victim set v = 'x' where id = 1";

describe('what is no harmless function is not called either where it does not look like a call', () => {
  it.each([
    ['waiting', `${UPDATE} returning (0.1::float8).pg_sleep`],
    ['a sequence', `${UPDATE} returning ('order_no'::regclass).nextval`],
    ['a query in a text', `${UPDATE} returning ${runs("select setval('order_no', 5000)::text::tsvector")}`],
    ['a function that nobody lists', `${UPDATE} returning ${runs('select public.wipe()::tsvector')}`],
    ['a message', `${UPDATE} returning ${runs("select pg_notify('a', 'b')::text::tsvector")}`],
    ['a lock', `${UPDATE} returning (7::bigint).pg_advisory_xact_lock`],
    ['the session', "update victim set v = ('search_path'::text).current_setting where id = 1"],
    ['in a condition', "delete from victim where ('search_path'::text).current_setting is null"],
    ['in an order', "insert into victim select 3 order by ('search_path'::text).current_setting"],
    ['of a column', "update victim set v = (t.a).pg_read_file from (select 'x'::text as a) t where id = 1"],
    ['of a row', 'select (victim).pg_column_size from victim'],
    ['of a row, by its name', 'delete from victim where victim.pg_column_size > 0'],
    ['behind a listed function that acts', `select public.ring(), ${runs('select public.wipe()::tsvector')}`],
    [
      'in another part',
      `with a as (delete from victim where id = 1 returning ('order_no'::regclass).nextval) ${UPDATE}`,
    ],
    [
      'behind MERGE',
      `merge into victim t using victim s on s.id = t.id when matched then delete returning (0.1::float8).pg_sleep`,
    ],
    ['behind an operator of the owner', `${UPDATE} and @@> 'order_no'::regclass > 0`],
    ['behind an operator of a view', `${UPDATE} and (select n from counted) > 0`],
  ])('%s', async (_name, statement) => {
    const [before] = await bank.rows(STATE);
    const outcome = await connector.plan(bank.call(statement, { allowed_functions: ['public.ring'] }));
    expect(outcome).toMatchObject({ kind: 'refused', code: 'function_not_allowed' });
    expect(await bank.rows(STATE)).toEqual([before]);
  });

  it.each([
    ['a harmless function', "update victim set v = ('x'::text).upper where id = 1"],
    [
      'a field of a row',
      'update victim set v = (t.r).v from (select victim as r from victim) t where victim.id = 1',
    ],
    [
      'what the grammar makes of its own',
      `update victim set v = extract(year from timestamp '2026-01-01' at time zone 'UTC') || trim(both 'x' from v)
         || substring(v from 1 for 2) || overlay(v placing 'y' from 1) || json_array(1, v) || json_object('a': v)
         || (select json_arrayagg(id) from victim) || (v like 'a' escape '#') || json_value('{"a":1}'::jsonb, '$.a')
         || position('a' in v) || normalize(v) || (v is normalized)::text || v::char(3) || v::varchar(2)
         || (current_user is null)::text where id = 1`,
    ],
  ])('but %s is', async (_name, statement) => {
    expect(await connector.plan(bank.call(statement))).toMatchObject({ kind: 'planned' });
  });
});
