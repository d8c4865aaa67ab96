import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SqlParsers } from '../../../../activities/connectors/postgres/parser-thread.ts';
import { commentOf } from '../../../../activities/connectors/postgres/session.ts';
import {
  normalForm,
  readStatement,
  type Statement,
} from '../../../../activities/connectors/postgres/statement.ts';

const parser = new SqlParsers(5_000).of('ann');

function read(text: string, allowed: readonly string[] = []): Promise<Statement> {
  return readStatement(text, { parser, allowedFunctions: new Set(allowed) });
}

describe('reading a statement', () => {
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

  it.each([
    ['app.pay(1)', ['app.pay'], true],
    ['App.PAY(1)', ['app.pay'], true],
    ['pay(2)', ['app.pay'], true],
    ['app.pay(1)', [], false],
    ['pay(2)', [], false],
    ['other.pay(1)', ['app.pay'], false],
    ['app.refund(1)', ['app.pay'], false],
    ['refund(1)', ['app.pay'], false],
    ['"App".pay(1)', ['app.pay'], false],
    ['"app.pay"(1)', ['app.pay'], false],
    ['pg_catalog.pay(1)', ['app.pay'], false],
    ['db.app.pay(1)', ['app.pay'], false],
    ['app.pay(1), other.pay(1)', ['app.pay'], false],
  ])('takes functions of the target by the list alone: %s with %j is %s', async (calls, list, isTaken) => {
    const code = await read(`select ${calls}`, list).then(
      () => 'taken',
      (error: { readonly code: string }) => error.code,
    );
    expect(code).toBe(isTaken ? 'taken' : 'function_not_allowed');
  });

  it('reads the next statement after one that broke the parser', async () => {
    await expect(read(`select ${'(select '.repeat(6_000)}1${')'.repeat(6_000)}`)).rejects.toMatchObject({
      code: 'not_one_statement',
      message: expect.stringContaining('nested too deeply'),
    });
    expect(await read('select 1')).toMatchObject({ isRead: true });
  });
});

describe('the normal form of a statement', () => {
  const SAME: readonly (readonly [string, string])[] = [
    ['update t set a = 1 where b = 2', 'UPDATE  t\n SET a=1 WHERE (b = 2) ;'],
    ['delete from t where a = 1', 'delete /* please */ from t where a = 1 -- thanks'],
    ["select 'x' from t", "select e'x' from T"],
    ['select a from t where a in (1, 2)', 'select a  from t where a in (1,2)'],
    ['select a from t where a != 1', 'select a from t where a <> 1'],
  ];
  const DIFFERENT: readonly (readonly [string, string])[] = [
    ['update t set a = 1 where b = 2', 'update t set a = 1 where b = 3'],
    ['delete from t where a = 1', 'delete from u where a = 1'],
    ['select 1, 2', 'select 2, 1'],
    ["select 'x'", "select 'X'"],
    ['select a from t', 'select "A" from t'],
    ['select array[1, 2], 3', 'select array[1], 2, 3'],
    ['select a - (b - c) from t', 'select a - b - c from t'],
  ];

  it.each([
    ...SAME.map(([one, other]) => [one, other, true] as const),
    ...DIFFERENT.map(([one, other]) => [one, other, false] as const),
  ])('%s and %s: the same is %s', async (one, other, isSame) => {
    expect(normalForm(await read(one)) === normalForm(await read(other))).toBe(isSame);
  });

  it('is found for statements that are nested deeply', async () => {
    const deep = `select ${Array.from({ length: 500 }, () => '1').join(' + ')}`;
    expect(normalForm(await read(deep))).toMatch(/^sha256:/);
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
