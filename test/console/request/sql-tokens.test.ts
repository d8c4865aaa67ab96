import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { sqlTokens } from '../../../apps/console/request/sql-tokens.ts';

function of(kind: string, sql: string): string[] {
  return sqlTokens(sql)
    .filter((token) => token.kind === kind)
    .map(({ text }) => text);
}

describe('pieces of SQL', () => {
  it('are the whole text, whatever it holds', () => {
    const sql = array(
      constantFrom('/*', '*/', '--', '\n', "'", '"', '$a$', '$$', "e'", '\\', 'select', '7', 'ü', '$'),
    );
    assert(
      property(sql, (parts) => {
        const text = parts.join('');
        expect(
          sqlTokens(text)
            .map((token) => token.text)
            .join(''),
        ).toBe(text);
      }),
    );
  });

  it('do not take a comment inside of a string for one, nor a string inside of a comment', () => {
    expect(of('comment', "select '-- no', \"/* no */\" -- yes 'no'")).toEqual(["-- yes 'no'"]);
    expect(of('string', "select '-- no' /* 'x' */")).toEqual(["'-- no'"]);
  });

  it('end where PostgreSQL ends them', () => {
    expect(of('comment', 'a /* b /* c */ d */ e')).toEqual(['/* b /* c */ d */']);
    expect(of('string', String.raw`select e'it\'s', 'it\', $x$a $$ b$x$`)).toEqual([
      String.raw`e'it\'s'`,
      String.raw`'it\'`,
      '$x$a $$ b$x$',
    ]);
    expect(of('comment', 'delete /* for ever')).toEqual(['/* for ever']);
  });

  it('mark the words of the language, in any case, and no names that hold them', () => {
    expect(of('word', 'UPDATE selected SET "from" = only_one WHERE x')).toEqual(['UPDATE', 'SET', 'WHERE']);
  });
});
