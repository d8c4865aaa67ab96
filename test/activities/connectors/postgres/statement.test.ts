import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SqlParser } from '../../../../activities/connectors/postgres/parser-thread.ts';
import { commentOf } from '../../../../activities/connectors/postgres/session.ts';
import { readStatement, type Statement } from '../../../../activities/connectors/postgres/statement.ts';

const parser = new SqlParser(5_000);

function read(text: string, allowed: readonly string[] = []): Promise<Statement> {
  return readStatement(text, { parser, allowedFunctions: new Set(allowed) });
}

async function sourcesOf(text: string): Promise<readonly unknown[]> {
  const { writes } = await read(text);
  return writes.map(({ byName, byPosition, isOpen }) => ({
    byName: Object.fromEntries(byName),
    byPosition,
    isOpen,
  }));
}

describe('reading a statement', () => {
  it.each([
    [
      'update t set a = now(), b = current_timestamp, c = gen_random_uuid()',
      { a: 'run_time', b: 'run_time', c: 'run_time' },
    ],
    ['update t set a = pg_catalog.now(), b = default', { a: 'run_time' }],
    [
      "update t set a = now() + interval '1 day', b = current_timestamp(0)",
      { a: 'expression', b: 'expression' },
    ],
    ["update t set a = now()::date, b = 'now'", { a: 'expression', b: 'expression' }],
    ['update t set (a, b) = (1, now())', { a: 'expression', b: 'run_time' }],
    ['update t set (a, b) = (select 1, now())', { a: 'expression', b: 'expression' }],
    ['update t set a[1] = now()', { a: 'expression' }],
    ['update t set a = count(*) filter (where true) over ()', { a: 'expression' }],
    [
      'insert into t (a, b, c) values (1, now(), default), (default, now(), default)',
      { a: 'expression', b: 'run_time' },
    ],
    ['insert into t (a, b) values (1, now()), (2, random())', { a: 'expression', b: 'expression' }],
    ['insert into t (a, b) select x, now() from y', { a: 'expression', b: 'run_time' }],
    [
      'insert into t (a, b) select x, now() from y union select 1, now()',
      { a: 'expression', b: 'expression' },
    ],
    ['insert into t (a, b) select * from y', { a: 'expression', b: 'expression' }],
    ['insert into t default values', {}],
    [
      'insert into t (a) values (now()) on conflict (a) do update set a = excluded.a, b = now()',
      { a: 'expression', b: 'run_time' },
    ],
    ['merge into t using s on true when matched then update set a = now()', { a: 'run_time' }],
    [
      'merge into t using s on true when not matched then insert (a, b) values (s.a, default)',
      { a: 'expression' },
    ],
    ['with x as (select 1) update t set a = x.r from x', { a: 'expression' }],
  ])('tells where values come from: %s', async (text, byName) => {
    expect(await sourcesOf(text)).toEqual([{ byName, byPosition: [], isOpen: false }]);
  });

  it('knows columns by position only when the text shows them', async () => {
    expect(await sourcesOf('insert into t values (1, now(), default)')).toEqual([
      { byName: {}, byPosition: ['expression', 'run_time', null], isOpen: false },
    ]);
    expect(await sourcesOf('insert into t select * from y')).toEqual([
      { byName: {}, byPosition: [], isOpen: true },
    ]);
    expect(await sourcesOf('insert into t table y')).toEqual([{ byName: {}, byPosition: [], isOpen: true }]);
  });

  it.each([
    "select json_object('a': 1 returning jsonb), json_array(1, 2), json_value('{}', '$.x' returning int default 1 on empty)",
    "select extract(day from a), substring(a from 1 for 2), trim(both 'x' from a), a at time zone 'UTC' from t",
    'select sum(x) over w from t window w as (partition by a order by b rows between 1 preceding and current row)',
    'select a from t group by rollup (a), grouping sets ((a), ()) having count(*) > 1 order by a limit 5 offset 1',
    'with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) search depth first by i set o select * from n',
    'select * from t left join lateral (select 1) s on true natural join u where a is not distinct from b and c = any (array[1])',
    "update only public.t as x set a = case when b then 'c' else upper(d) end where (x.id, 1) in (select 1, 2) returning old.a, new.*",
    'insert into t as x values (1) on conflict on constraint t_pkey do update set a = 1 where x.a > 2',
    "select '{\"a\":1}'::jsonb ->> 'a', (row(1, 2)).*, e'\\n', b'101', interval '1 day', date '2026-01-01', a collate \"C\" from t",
    'values (1, 2), (3, 4)',
    'table t;',
  ])('takes ordinary SQL: %s', async (text) => {
    expect((await read(text)).text).toBe(text);
  });

  it('takes functions of the target only with their schema or name on the list', async () => {
    await expect(read('select app.pay(1)')).rejects.toMatchObject({ code: 'function_not_allowed' });
    expect(await read('select app.pay(1), pay(2)', ['app.pay'])).toMatchObject({
      unqualifiedFunctions: ['pay'],
    });
  });

  it('reads the next statement after one that broke the parser', async () => {
    await expect(read(`select ${'(select '.repeat(6_000)}1${')'.repeat(6_000)}`)).rejects.toMatchObject({
      code: 'not_one_statement',
    });
    expect(await read('select 1')).toMatchObject({ isRead: true });
  });
});

describe('the comment in front of a statement', () => {
  it('stays one comment, whatever the requester is called', async () => {
    const label = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .constantFrom('*/', '/*', '--', '\n', "'", '$$', ';', '\0', '\u2028', 'drop table t')
        .chain((part) =>
          fc
            .array(fc.constantFrom(part, '*', '/', ' ', '\\'), { maxLength: 12 })
            .map((parts) => parts.join('')),
        ),
    );
    await fc.assert(
      fc.asyncProperty(label, label, async (requestId, requester) => {
        const outcome = await parser.parse(`${commentOf(requestId, requester)} select 1`);
        expect(outcome).toMatchObject({ kind: 'parsed', statements: [{ stmt: { SelectStmt: {} } }] });
        expect(outcome.kind === 'parsed' && outcome.statements.length).toBe(1);
      }),
    );
  });
});
