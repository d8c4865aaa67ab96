import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
let planter: string;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  planter = `${bank.statementRole}_planter`;
  await bank.admin.query(
    `create role ${planter};
     ${TABLES.replaceAll('WRITER', bank.statementRole).replaceAll('OBSERVER', bank.observerRole).replaceAll('PLANTER', planter)}`,
  );
});

afterAll(async () => {
  await bank.admin.query(`drop owned by ${planter}; drop role ${planter}`);
  await bank.stop();
});

/** Every form calls `leave()`, which nobody lists; a sequence keeps that it ran, whatever is rolled back. */
const TABLES = `
  create sequence ran;
  create function leave() returns boolean language plpgsql as $$ begin perform nextval('public.ran'); return true; end $$;
  create function pair(int, int) returns int language plpgsql immutable as $$ begin perform public.leave(); return 1; end $$;
  create operator public.@@@ (leftarg = int, rightarg = int, function = pair);
  create table indexed (id int primary key, a int, b int); create index on indexed ((a operator(public.@@@) b));
  create table key_of (id int, v text) partition by range (pair(id, 1));
  create table leaf partition of key_of for values from (0) to (1000);
  create domain by_query as text default (query_to_xml('select public.leave()', true, false, ''))::text;
  create table queried (id int primary key, v by_query);
  create domain by_sleep as text default pg_sleep(0)::text; create table slept (id int primary key, v by_sleep);
  create function checked(text) returns boolean language plpgsql as $$ begin return public.leave(); end $$;
  create domain checked_text as text check (checked(value));
  create table typed (id int, d checked_text); insert into typed values (1, null);
  create table source (id int, d text); insert into source values (1, 'x');
  create table path (p jsonpath, j jsonb); insert into path values ('$.a', '{"a":"x"}');
  create view returning_view as select json_value(j, p returning checked_text) as v from path;
  create table cast_index (id int primary key, a text); create index on cast_index ((a::checked_text));
  create table code (code int primary key); insert into code values (1);
  create table kid (id int, code int references code on update cascade) partition by list (code);
  create table kid_one partition of kid for values in (1); create table kid_two partition of kid for values in (2);
  insert into kid values (5, 1);
  create function on_insert() returns trigger language plpgsql as $$ begin perform public.leave(); return new; end $$;
  create trigger moves before insert on kid_two for each row execute function on_insert();
  create function is_less(int, int) returns boolean language sql immutable as $$ select $1 < $2 $$;
  create function is_not_less(int, int) returns boolean language plpgsql immutable as $$ begin return public.leave(); end $$;
  create operator public.<<< (leftarg = int, rightarg = int, function = is_less, negator = operator(public.>>>));
  create operator public.>>> (leftarg = int, rightarg = int, function = is_not_less, negator = operator(public.<<<));
  create schema billing; grant usage on schema billing to WRITER, PLANTER;
  create function billing.fee(int) returns int language sql immutable as $$ select $1 $$;
  grant create on schema billing to PLANTER; set role PLANTER;
  create function billing.fee(text) returns int language plpgsql as $$ begin perform public.leave(); return 1; end $$;
  reset role; revoke create on schema billing from PLANTER;
  create sequence small as smallint; create view numbered as select nextval('small') as n;
  grant select, insert, update, delete on all tables in schema public to WRITER;
  grant select on all tables in schema public to OBSERVER;
  grant usage on all sequences in schema public to WRITER;`;

const LISTED = { allowed_functions: ['public.is_less', 'billing.fee', 'public.log_account'] };

async function usedOf(sequence: string): Promise<string | undefined> {
  const [row] = await bank.rows<{ used: string }>(
    `select case when is_called then last_value else 0 end::text as used from ${sequence}`,
  );
  return row?.used;
}

describe('what nobody vouches for never runs', () => {
  it.each([
    ['behind an operator of an index', 'insert into indexed values (1, 2, 3)'],
    ['in a cast of an index', "insert into cast_index values (1, 'x')"],
    ['in the key of the parent of a partition', "insert into leaf values (1, 'x')"],
    ['in a query of the default of a domain', 'insert into queried (id) values (1)'],
    ['in the default of a domain', 'insert into slept (id) values (1)'],
    [
      'in a row like those of a table that is only read',
      'update account set note = (select (jsonb_populate_record(t, to_jsonb(s))).d from typed t, source s) where id = 1',
    ],
    [
      'in the type that a JSON function returns',
      'update account set note = (select json_value(j, p returning checked_text) from path) where id = 2',
    ],
    [
      'in the type that a JSON function of a view returns',
      'update account set note = (select v from returning_view) where id = 2',
    ],
    ['by a trigger where a cascade moves a row', 'update code set code = 2 where code = 1'],
    [
      'in the opposite of an operator',
      "update account set note = 'x' where not (id::int operator(public.<<<) balance::int)",
    ],
    [
      'under a listed name, of another owner',
      "update account set note = 'n' where billing.fee('x'::text) = 1",
    ],
  ])('%s', async (_name, statement) => {
    const before = await usedOf('ran');
    const outcome = await connector.plan(bank.call(statement, LISTED));
    expect(await usedOf('ran')).toBe(before);
    // A trigger that is not listed is not run, and the plan says that it is only counted.
    if (outcome.kind === 'planned') expect(outcome.plan.effects[0]?.is_counts_only).toBe(true);
    else expect(outcome.code).toMatch(/function_not_allowed|not_previewable/);
  });

  it('and a schema of the list where others may create is no safe target', async () => {
    await bank.admin.query(`grant create on schema billing to ${planter}`);
    const outcome = await connector.plan(bank.call("update account set note = 'n' where id = 1", LISTED));
    await bank.admin.query(`revoke create on schema billing from ${planter}`);
    expect(outcome).toMatchObject({ kind: 'refused', detail: expect.stringContaining('schema "billing"') });
  });

  it('and a view takes no values of a sequence for as many rows as the statement wants', async () => {
    const statement = `update account set note = 'n' where id = 1 and (select count(n.n) from generate_series(1, 40000) g
      cross join lateral (select n from numbered where g > 0 offset 0) n) >= 0`;
    expect(await connector.plan(bank.call(statement))).toMatchObject({ code: 'function_not_allowed' });
    expect(await usedOf('small')).toBe('0');
  });
});
