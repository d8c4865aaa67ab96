import { describe, expect, it } from 'vitest';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { compileArgumentSchema } from '../../../domain/conditions/argument-schema.ts';

function texts(...patterns: readonly string[]) {
  const properties = Object.fromEntries(
    patterns.map((pattern, index) => [`text${index}`, { type: 'string', pattern }]),
  );
  return compileArgumentSchema({ type: 'object', additionalProperties: false, properties });
}

function isFit(schema: ReturnType<typeof texts>, ...values: readonly JsonValue[]): boolean {
  return (
    schema.problemsOf(Object.fromEntries(values.map((value, index) => [`text${index}`, value]))).length === 0
  );
}

describe('the schema of arguments', () => {
  it('holds each text against its own pattern, found anywhere unless it is anchored', () => {
    const schema = texts('^[a-z]+$', '[0-9]');
    expect(isFit(schema, 'abc', 'x1')).toBe(true);
    expect(isFit(schema, 'abc', 'x')).toBe(false);
    expect(isFit(schema, 'ab1', 'x1')).toBe(false);
    expect(schema.problemsOf({ text0: 'a\nb', text1: '1' })).toEqual([
      { path: '/text0', message: 'must match pattern "^[a-z]+$"' },
    ]);
  });

  it('tells every mistake of small arguments, and one of large ones', () => {
    const list = { type: 'array', items: { type: 'string', minLength: 2 } };
    const schema = compileArgumentSchema({
      type: 'object',
      required: ['a', 'b', 'c'],
      properties: { list, a: {}, b: {}, c: {} },
    });
    expect(schema.problemsOf({}).map(({ message }) => message)).toEqual(
      ['a', 'b', 'c'].map((name) => `must have required property '${name}'`),
    );
    expect(schema.problemsOf({ a: 1, b: 1, c: 1, list: ['', 'xx', ''] })).toHaveLength(2);
    expect(schema.problemsOf({ list: Array.from({ length: 50_000 }, () => '') })).toHaveLength(1);
  });

  it('tells no pattern that it did not try as a mistake', () => {
    const steps = 'a'.repeat(15_000);
    const names = Array.from({ length: 20 }, (_, index) => `^(a|aa)*${index}$`);
    const problems = texts(...names).problemsOf({ text0: steps, text1: '1' });
    expect(problems).toEqual([{ path: '/text0', message: `must match pattern "${names[0]}"` }]);
  });

  it('names a property that is not allowed, and cuts a long name', () => {
    const problems = texts('a').problemsOf({ typo: 'secret', ['x'.repeat(1_000)]: 1 });
    expect(problems[0]).toEqual({ path: '', message: 'must NOT have additional properties: "typo"' });
    expect(JSON.stringify(problems)).not.toContain('x'.repeat(101));
  });

  it('names the one that was probably meant, with both mistakes', () => {
    const statement = { type: 'string' };
    const schema = { type: 'object', properties: { statement }, additionalProperties: false };
    const typo = { statment: 'x' };
    expect(compileArgumentSchema(schema).problemsOf(typo)).toEqual([
      { path: '', message: `must NOT have additional properties: "statment", did you mean 'statement'?` },
    ]);
    const required = compileArgumentSchema({ ...schema, required: ['statement'] });
    expect(required.problemsOf(typo)).toEqual([
      { path: '', message: `must have required property 'statement', which is not "statment"` },
      { path: '', message: `must NOT have additional properties: "statment", did you mean 'statement'?` },
    ]);
    expect(required.problemsOf({ other: 1 })).toContainEqual({
      path: '',
      message: "must have required property 'statement'",
    });
  });

  it('tells elements that are given twice, however many and of whatever form they are', () => {
    const list = { type: 'array', uniqueItems: true };
    const schema = compileArgumentSchema({ type: 'object', properties: { list, any: { type: 'array' } } });
    const fits = (items: readonly JsonValue[]): boolean =>
      schema.problemsOf({ list: [...items] }).length === 0;
    expect(fits([1, '1', true, null, [1], { a: 1 }, { a: '1' }, { b: 1 }])).toBe(true);
    for (const twice of [1, 'x', null, [1, [2]], { a: 1, b: [{ c: 2 }] }])
      expect(fits([0, twice, 'other', twice]), JSON.stringify(twice)).toBe(false);
    expect(
      fits([
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ]),
    ).toBe(false);
    expect(schema.problemsOf({ list: [1, 1] })).toEqual([
      { path: '/list', message: 'must NOT have duplicate items' },
    ]);
    expect(schema.problemsOf({ any: [1, 1] })).toEqual([]);
    // As large as a call may be. Comparing each with each other one takes minutes.
    expect(fits(Array.from({ length: 30_000 }, (_, index) => ({ a: index })))).toBe(true);
  });

  // JavaScript's own engine takes seconds for 27 characters, and twice as long for each one more.
  it('is not slowed down by texts that make a pattern of JavaScript explode', () => {
    const schema = texts('^(a+)+$', '^(a|aa)+$', '^([a-z0-9]+[.-]?)*$');
    const explosive = `${'a'.repeat(5_000)}!`;
    expect(isFit(schema, explosive, explosive, explosive)).toBe(false);
  });

  it('lets nothing pass that it did not check, also where a pattern must not be found', () => {
    const secret = { type: 'string', not: { pattern: 'secret' } };
    const schema = compileArgumentSchema({ type: 'object', properties: { text0: secret } });
    expect(isFit(schema, 'open')).toBe(true);
    expect(isFit(schema, 'a secret')).toBe(false);
    expect(isFit(schema, `a secret${' '.repeat(3_000_000)}`)).toBe(false);
    expect(isFit(schema, 'open')).toBe(true);
  });

  it('refuses a text that a pattern would take too long over, and forgets that for the next call', () => {
    const schema = texts('^(a{1,10}){1,10}$', '^[a-z]+$');
    expect(isFit(schema, 'a'.repeat(50), 'b')).toBe(true);
    expect(isFit(schema, 'a'.repeat(65_536), 'b')).toBe(false);
    expect(isFit(schema, 'a', 'b'.repeat(3_000_000))).toBe(false);
    expect(isFit(schema, 'a'.repeat(50), 'b')).toBe(true);
  });

  it.each([
    ['a pattern that only JavaScript knows', { type: 'string', pattern: '^(?=a)b$' }],
    ['a reference back', { type: 'string', pattern: '(a)\\1' }],
    ['a format, which nothing checks', { type: 'string', format: 'email' }],
    ['a keyword that nobody knows', { type: 'string', patern: 'a' }],
    ['a schema from elsewhere', { $ref: 'https://example.com/schema.json' }],
  ])('cannot be made with %s', (_name, property) => {
    expect(() =>
      compileArgumentSchema({ type: 'object', properties: { text: property as JsonValue } }),
    ).toThrow(Error);
  });
});
