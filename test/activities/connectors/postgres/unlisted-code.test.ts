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

describe("what an extension's own functions compute needs no list", () => {
  it.each(["owner::citext like 'P%'", "owner::citext = 'PERSON 1'", "owner::citext ~~ 'p%'"])(
    'also behind operators: %s',
    async (condition) => {
      await bank.admin.query('create extension if not exists citext');
      const outcome = await connector.plan(bank.call(`select id from account where ${condition}`));
      expect(outcome).toMatchObject({ kind: 'planned' });
    },
  );
});

describe('what access methods of an extension call by themselves needs no list', () => {
  /** As PostGIS and pgvector declare theirs: without a word on what they do, which makes them volatile. */
  const UNDECLARED = `
    do $$ declare f regprocedure; begin
      for f in select member.objid::regprocedure from pg_depend member
                 join pg_extension home on home.oid = member.refobjid
                 join pg_proc code on code.oid = member.objid
                where member.classid = 'pg_proc'::regclass and member.deptype = 'e'
                  and home.extname in ('btree_gist', 'btree_gin', 'intarray', 'pg_trgm', 'cube')
                  and (code.prorettype = 'internal'::regtype or 'internal'::regtype = any (code.proargtypes))
      loop execute format('alter function %s volatile', f); end loop;
    end $$;`;

  beforeAll(async () => {
    for (const name of ['btree_gist', 'btree_gin', 'intarray', 'pg_trgm', 'cube'])
      await bank.admin.query(`create extension ${name}`);
    await bank.admin.query(`${UNDECLARED}
      create table gist_read (id int primary key, v int); create index on gist_read using gist (v);
      create table gin_read (id int primary key, v int); create index on gin_read using gin (v);
      create table trigram_read (id int primary key, v text);
      create index on trigram_read using gist (v gist_trgm_ops); create index on trigram_read using gin (v gin_trgm_ops);
      create table cube_read (id int primary key, v cube); create index on cube_read using gist (v);
      create table array_read (id int primary key, v int[]); create index on array_read using gist (v gist__int_ops);
      create function own_consistent(internal, int, smallint, oid, internal) returns boolean language c volatile
        as '$libdir/btree_gist', 'gbt_int4_consistent';
      create operator class own_ops for type int using gist as operator 1 <,
        function 1 own_consistent(internal, int, smallint, oid, internal), function 2 gbt_int4_union(internal, internal),
        function 3 gbt_int4_compress(internal), function 4 gbt_decompress(internal),
        function 5 gbt_int4_penalty(internal, internal, internal), function 6 gbt_int4_picksplit(internal, internal),
        function 7 gbt_int4_same(gbtreekey8, gbtreekey8, internal), storage gbtreekey8;
      create table own_read (id int primary key, v int); create index on own_read using gist (v own_ops);
      grant select on all tables in schema public to ${bank.statementRole}, ${bank.observerRole}`);
  });

  it.each([
    ['gist_read where v = 1', 'planned'],
    ['gin_read where v = 1', 'planned'],
    ["trigram_read where v like '%abc%'", 'planned'],
    ['cube_read', 'planned'],
    ["array_read where v operator(public.&&) '{1}'", 'planned'],
    ['own_read where v < 1', 'refused'],
  ])('%s: %s', async (source, kind) => {
    const statement = `update account set note = (select 'x' from ${source} limit 1) where id = 1`;
    expect(await connector.plan(bank.call(statement))).toMatchObject({ kind });
  });
});

describe('a name on the list names one function', () => {
  const DOTTED = `
    create schema "public.a"; grant usage on schema "public.a" to WRITER;
    create function public."a.b"(int) returns int language sql immutable as $$ select $1 $$;
    create function "public.a".b(int) returns int language plpgsql immutable as $$ begin perform public.leave(); return 1; end $$;
    create function public."t.r"() returns trigger language plpgsql as $$ begin return new; end $$;
    create schema "public.t";
    create function "public.t".r() returns trigger language plpgsql as $$ begin perform public.leave(); return new; end $$;
    create table two (id int primary key); grant select, insert on two to WRITER; grant select on two to OBSERVER;
    create trigger two_is_seen before insert on two for each row execute function "public.t".r();
    create schema "Billing"; grant usage on schema "Billing" to WRITER;
    create function "Billing".roll() returns int language sql volatile as $$ select (random() * 1000000000)::int $$;
    create table rolled (id int primary key, n int); grant select, insert on rolled to WRITER;
    grant select on rolled to OBSERVER;`;

  beforeAll(async () => {
    await bank.admin.query(
      DOTTED.replaceAll('WRITER', bank.statementRole).replaceAll('OBSERVER', bank.observerRole),
    );
  });

  const inner = '"public"."a.b"';
  const outer = '"public.a"."b"';
  it.each([
    ['the listed one', inner, 'public."a.b"(1)', true],
    ['the listed one, found by the search path', inner, '"a.b"(1)', true],
    ['its namesake in another schema', inner, '"public.a".b(1)', false],
    ['the other one when that is listed', outer, '"public.a".b(1)', true],
    ['the first one when the other is listed', outer, 'public."a.b"(1)', false],
    ['the first one by the search path when the other is listed', outer, '"a.b"(1)', false],
  ])('%s', async (...[, listed, call, isAllowed]) => {
    const before = await usedOf('ran');
    const connection = { allowed_functions: [listed, 'public.log_account'] };
    const outcome = await connector.plan(
      bank.call(`update account set note = 'n' where id = 1 and ${call} = 1`, connection),
    );
    if (isAllowed) expect(outcome).toMatchObject({ kind: 'planned' });
    else expect(outcome).toMatchObject({ code: 'function_not_allowed' });
    if (!isAllowed) expect(await usedOf('ran')).toBe(before);
  });

  it.each([
    ['"public"."t.r"', true],
    ['"public.t"."r"', false],
  ])('also of triggers: with %s listed, the effect is counts only: %s', async (listed, isCounted) => {
    const outcome = await connector.plan(
      bank.call('insert into two values (1)', { allowed_functions: [listed] }),
    );
    expect(outcome).toMatchObject({ plan: { effects: [{ is_counts_only: isCounted }] } });
  });

  it('whatever its schema is called', async () => {
    const connection = { made_at_execution: ['Billing.roll'] };
    const statement = 'insert into rolled values (1, "Billing".roll())';
    const outcome = await connector.plan(bank.call(statement, connection));
    expect(outcome).toMatchObject({ plan: { effects: [{ assigned_columns: ['n'] }] } });
    expect(JSON.stringify(outcome)).not.toContain('such effects are not seen');
  });

  it.each(['public.a.b', 'leave', 'public."a.b"', '"public.a".b', '.b', 'public.', '"public"."a.b', ''])(
    'or the target is not valid: %s',
    async (entry) => {
      for (const list of ['allowed_functions', 'made_at_execution'])
        await expect(connector.plan(bank.call('select 1', { [list]: [entry] }))).rejects.toMatchObject({
          code: 'policy_invalid',
        });
    },
  );
});

describe('a schema that does not exist yet is open to anyone who may create it', () => {
  const database = async (): Promise<string> =>
    (await bank.rows<{ name: string }>('select current_database() as name'))[0]?.name ?? '';

  it.each([
    ['on the search path', { search_path: ['gone', 'public'] }, 'gone'],
    ['of a listed function', { allowed_functions: ['gone.fn'] }, 'gone'],
    ['of the name of the role, which $user stands for', { search_path: ['$user', 'public'] }, null],
  ])('%s', async (_where, connection, missing) => {
    const call = bank.call("update account set note = 'n' where id = 1", connection);
    expect(await connector.plan(call)).toMatchObject({ kind: 'planned' });
    await bank.admin.query(`grant create on database ${await database()} to ${planter}`);
    const outcome = await connector.plan(call);
    await bank.admin.query(`revoke create on database ${await database()} from ${planter}`);
    const name = missing ?? bank.statementRole;
    expect(outcome).toMatchObject({
      kind: 'refused',
      code: 'target_error',
      detail: expect.stringContaining(
        `schema "${name}", which search_path or allowed_functions names, does not exist`,
      ),
    });
  });

  it('and one of that name is no safer for others than any other', async () => {
    await bank.admin.query(
      `create schema ${bank.statementRole}; grant create on schema ${bank.statementRole} to ${planter}`,
    );
    const call = bank.call("update account set note = 'n' where id = 1", {
      search_path: ['$user', 'public'],
    });
    const outcome = await connector.plan(call);
    await bank.admin.query(`drop schema ${bank.statementRole}`);
    expect(outcome).toMatchObject({ kind: 'refused', detail: expect.stringContaining(bank.statementRole) });
  });
});
