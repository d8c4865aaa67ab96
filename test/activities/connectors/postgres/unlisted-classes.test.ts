import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(named(SCHEMA));
});

afterAll(async () => {
  await bank.stop();
});

function named(text: string): string {
  return text.replaceAll('WRITER', bank.statementRole).replaceAll('OBSERVER', bank.observerRole);
}

/** Makes a type comparable by functions that call `leave()`, which nobody lists. */
const comparable = (type: string, value: string): string => `
  create function ${type}_lt(${type}, ${type}) returns boolean language plpgsql immutable as
    $$ begin perform public.leave(); return ${value.replace('?', '$1')} < ${value.replace('?', '$2')}; end $$;
  create function ${type}_eq(${type}, ${type}) returns boolean language plpgsql immutable as
    $$ begin perform public.leave(); return ${value.replace('?', '$1')} = ${value.replace('?', '$2')}; end $$;
  create function ${type}_cmp(${type}, ${type}) returns int language plpgsql immutable as
    $$ begin perform public.leave(); return ${value.replace('?', '$1')} - ${value.replace('?', '$2')}; end $$;
  create operator public.<~ (leftarg = ${type}, rightarg = ${type}, function = ${type}_lt);
  create operator public.<=~ (leftarg = ${type}, rightarg = ${type}, function = ${type}_lt);
  create operator public.=~= (leftarg = ${type}, rightarg = ${type}, function = ${type}_eq);
  create operator public.>=~ (leftarg = ${type}, rightarg = ${type}, function = ${type}_lt);
  create operator public.>~ (leftarg = ${type}, rightarg = ${type}, function = ${type}_lt);
  create operator class ${type}_ops default for type ${type} using btree as operator 1 <~, operator 2 <=~,
    operator 3 =~=, operator 4 >=~, operator 5 >~, function 1 ${type}_cmp(${type}, ${type});`;

const SCHEMA = `
  create sequence ran;
  create function leave() returns void language plpgsql as $$ begin perform nextval('public.ran'); end $$;
  create table plain (id int primary key, v text); insert into plain values (1, 'a'), (2, 'b');
  create type pt as (x int); ${comparable('pt', '(?).x')}
  create table pts (id int primary key, p pt, l pt[]);
  insert into pts values (1, row(1)::pt, array[row(1)::pt]), (2, row(2)::pt, null);
  create function made(int) returns pt language sql immutable as $$ select row($1)::public.pt $$;
  create table rowed (id int, v text); ${comparable('rowed', '(?).id')} insert into rowed values (1, 'a'), (2, 'b');
  create domain deep as pt; create table deeps (id int primary key, d deep); insert into deeps values (1, row(1)::pt), (2, row(2)::pt);
  create function now_of(int) returns int language plpgsql immutable as $$ begin perform public.leave(); return $1; end $$;
  create table partly (id int, v text); create index on partly (v) where id = now_of(1);
  create table measured (id int, v text); create statistics measured_by on (id + now_of(1)), v from measured;
  create table checked (id int check (id > now_of(0)), v text); insert into checked values (1, 'a');
  create table above (id int, v text); create table below (check (id > now_of(0))) inherits (above);
  create type labelled as (x int);
  create function label_of(labelled) returns text language plpgsql immutable as $$ begin perform public.leave(); return 'l'; end $$;
  create cast (labelled as text) with function label_of(labelled);
  create table labels (id int primary key, l labelled, v text); insert into labels values (1, row(1), 'a');
  grant select, insert, update, delete on all tables in schema public to WRITER;
  grant select on all tables in schema public to OBSERVER; grant usage on all sequences in schema public to WRITER;`;

/** Of a type that the server brings, which it compares in its own way until then. */
const OTHER_INTEGERS = `
  create function other_cmp(int, int) returns int language plpgsql immutable as
    $$ begin perform public.leave(); return $1 - $2; end $$;
  create operator class other_ops for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=,
    operator 5 >, function 1 other_cmp(int, int);
  create table searched (id int, v text); insert into searched select g, 'x' from generate_series(1, 3000) g;
  create index on searched (id other_ops); analyze searched;
  grant select on searched to WRITER, OBSERVER;`;

const LISTED = { allowed_functions: ['public.made', 'public.log_account'] };

async function used(): Promise<string | undefined> {
  const [row] = await bank.rows<{ used: string }>(
    'select case when is_called then last_value else 0 end::text as used from ran',
  );
  return row?.used;
}

const setV = (value: string): string => `update plain set v = (select ${value}) where id = 1`;

describe('functions of operator classes that nobody lists do not run', () => {
  it.each([
    ['where arrays are compared', 'update pts set id = 3 where id = 2 and array[p] = array[row(2)::pt]'],
    [
      'where a value is looked for in an array',
      'update pts set id = 3 where id = 1 and array_position(l, p) = 1',
    ],
    ['where rows are compared', 'update pts set id = 3 where id = 2 and row(p, 1) in (select p, 1 from pts)'],
    ['where values are told apart', setV('count(*)::text from (select distinct p from pts) s')],
    ['where values are grouped', setV('count(*)::text from (select 1 from pts group by p) s')],
    ['where values are sorted', setV('max(s.id)::text from (select id from pts order by p limit 1) s')],
    ['where a domain is compared', setV('count(*)::text from (select distinct d from deeps) s')],
    [
      'where whole rows of a table are told apart',
      setV('count(*)::text from (select distinct rowed from rowed) s'),
    ],
    ['where nothing but a listed function names the type', setV('(array[made(1)] = array[made(2)])::text')],
    [
      'where the planner reads the predicate of an index',
      setV("max(id)::text from partly where v = 'x' and id = 1"),
    ],
    [
      'where the planner reads statistics',
      setV("count(*)::text from measured where v = 'x' group by id + 1"),
    ],
    [
      'where the planner reads the check of a table',
      setV('max(id)::text from (select id from checked union all select id from above) s where id < 5'),
    ],
    ['where the planner reads the check of an heir', setV('max(id)::text from above where id < 5')],
    ['where a value is joined to text', "update labels set v = l || 'x' where id = 1"],
    ['where text is joined to a value', "update labels set v = 'x' || l where id = 1"],
    ['where a value is quoted', 'update labels set v = quote_literal(l) where id = 1'],
    ['where a value or nothing is quoted', 'update labels set v = quote_nullable(l) where id = 1'],
  ])('%s', async (_name, statement) => {
    const before = await used();
    const outcome = await connector.plan(bank.call(statement, LISTED));
    expect(outcome).toMatchObject({ kind: 'refused', code: 'function_not_allowed' });
    expect(await used()).toBe(before);
  });

  it('where an index of a table that is only read is searched', async () => {
    await bank.admin.query(named(OTHER_INTEGERS));
    const before = await used();
    const outcome = await connector.plan(bank.call(setV('v from searched where id = 777'), LISTED));
    await bank.admin.query('drop table searched; drop operator family other_ops using btree cascade');
    expect(outcome).toMatchObject({ kind: 'refused', code: 'function_not_allowed' });
    expect(await used()).toBe(before);
  });

  it('and classes that only compute are in nobody’s way', async () => {
    expect(
      await connector.plan(bank.call(setV("max(id)::text from account where owner = 'x'"), LISTED)),
    ).toMatchObject({
      kind: 'planned',
    });
  });
});
