import { describe, expect, it } from 'vitest';

import { Expression } from '../../../domain/conditions/expression.ts';
import { bound, evaluate } from './examples.ts';

const PLANNED = bound({}, { plan: { rows: 10 } });

describe('comes out as', () => {
  it.each([
    ['true', 'args.role in ["owner", "admin"]'],
    ['false', 'args.role in ["viewer"]'],
    ['true', 'args.tags.exists(t, t.startsWith("team-"))'],
    ['true', 'args.tags.exists_one(t, t == "sox")'],
    ['false', 'args.tags.all(t, t == "sox")'],
    ['true', 'args.numbers.map(n, n > 1, n * 2).exists(n, n == 6)'],
    ['true', 'args.numbers.filter(n, n > 1).size() == 2'],
    ['true', 'args.items.exists(i, has(i.port) && i.port == 443)'],
    ['true', 'has(args.labels.team) && args.labels.team == "data"'],
    ['true', '"team" in args.labels && !("owner" in args.labels)'],
    ['true', 'args.count * 2 + 1 == 11 && args.count / 2 == 2 && args.count % 2 == 1 && -args.count < 0'],
    ['true', 'args.ratio * 3.0 == 1.5 && args.ratio < 1 && args.count > 0.5'],
    ['true', 'args.count > 9 ? args.role == "x" : args.numbers[2] == 3'],
    ['true', 'size("👩‍🚀") == 3 && args.role.size() == 5'],
    ['true', 'args.role + ":" + string(args.count) == "owner:5"'],
    ['false', 'request.break_glass'],
  ])('%s: %s', (kind, condition) => {
    expect(evaluate(condition)).toEqual({ kind });
  });

  it.each([
    ['a number', 'args.count + 1', 'the result is neither true nor false'],
    ['an absent field', 'args.limit > 1', 'no such key: args.limit'],
    ['an absent key', 'args.labels[args.role] == "x"', 'no such key: args.labels[args.role]'],
    ['an index behind the end', 'args.tags[9] == "x"', 'no such index: args.tags[9]'],
    ['a division by zero', '1 / (args.count - 5) == 1', 'division by zero: 1 / (args.count - 5'],
    ['an overflow', 'args.count * 9007199254740991 * 9007199254740991 > 1', 'the number is too large'],
    ['bad syntax', 'args.role ==', 'Unexpected token: EOF'],
    ['a name that is no variable', 'nothing == 1', 'unknown variable nothing'],
    ['a word of the language', 'int == args.count', 'int is not allowed'],
    ['a forbidden function', 'false && args.role.matches("a")', 'matches is not allowed'],
    ['a bad pattern in a dead branch', 'args.count == 5 || re2(args.role, "(")', 'missing closing )'],
    ['mixed types', 'args.count > args.role', 'a value is of the wrong type'],
    ['an empty text', '', 'Unexpected token: EOF'],
  ])('an error: %s', (_, condition, message) => {
    const outcome = evaluate(condition);
    expect(outcome.kind).toBe('error');
    expect(outcome.kind === 'error' && outcome.message).toContain(message);
  });

  it('an error, not true, for all() over an empty list literal, which the engine cannot type', () => {
    expect(evaluate('[].all(e, e > 0) && args.count == 5').kind).toBe('error');
    expect(evaluate('args.numbers.all(e, e > 9)', bound({ numbers: [] })).kind).toBe('true');
    expect(evaluate('args.numbers.exists(e, e > 0)', bound({ numbers: [] })).kind).toBe('false');
    expect(evaluate('args.numbers.filter(e, e > 9).all(e, e > 9)').kind).toBe('true');
    expect(evaluate('args.numbers.map(e, e > 9, e).all(e, e > 9)').kind).toBe('true');
  });
});

describe('before the plan is known', () => {
  it.each([
    ['plan.rows > 1', { kind: 'unknown', missing: ['plan'] }],
    ['has(plan.rows)', { kind: 'unknown', missing: ['plan'] }],
    ['plan.rows > 1 || args.count == 5', { kind: 'true' }],
    ['args.count == 5 || plan.rows > 1', { kind: 'true' }],
    ['plan.rows > 1 && args.count == 6', { kind: 'false' }],
    ['plan.rows > 1 && args.count == 5', { kind: 'unknown', missing: ['plan'] }],
    ['args.numbers.exists(n, n > plan.rows)', { kind: 'unknown', missing: ['plan'] }],
    ['args.numbers.exists(n, n == 1 || n > plan.rows)', { kind: 'true' }],
    ['args.count == 5 ? request.break_glass : plan.rows > 1', { kind: 'false' }],
  ])('%s', (condition, outcome) => {
    expect(evaluate(condition)).toEqual(outcome);
    expect(evaluate(condition, PLANNED).kind).toMatch(/^(?:true|false)$/u);
  });

  it('a violation elsewhere is an error all the same', () => {
    expect(evaluate('plan.rows > 1 && args.role == "x"', bound({ role: 1 })).kind).toBe('error');
  });
});

describe('reads', () => {
  it('are found without running it, in every branch, and without variables of comprehensions', () => {
    const expression = new Expression(
      'args.count > 1 ? has(plan.rows) : args.items.exists(i, i.name == resource.env || args["dry-run"])',
    );
    expect([...expression.roots]).toEqual(['args', 'plan', 'resource']);
    expect(expression.paths).toEqual([
      'args.count',
      'plan.rows',
      'args.items',
      'resource.env',
      'args["dry-run"]',
    ]);
  });

  it('are empty for a text that does not parse', () => {
    expect([...new Expression('args.').roots]).toEqual([]);
  });

  it('are explained by their values, and by nothing when there is none', () => {
    const expression = new Expression(
      'args.count == 5 && has(args.limit) || plan.rows > 1 || "a" in args.tags',
    );
    expect(expression.valuesRead(bound())).toEqual([
      { path: 'args.count', value: 5, is_shortened: false },
      { path: 'args.tags', value: ['sox', 'team-a'], is_shortened: false },
    ]);
  });

  it('are shortened with a mark', () => {
    const tags = Array.from({ length: 300 }, (_, index) => `${index}`);
    const read = new Expression(
      'args.role == "x" || "a" in args.tags || has(args.items) || has(args.labels)',
    );
    const values = read.valuesRead(bound({ role: '👩'.repeat(5_000), tags, labels: { a: 'b' } }));
    expect(values.map((value) => value.is_shortened)).toEqual([true, true, true, true]);
    expect(values[0]?.value).toMatch(/… 10000 characters in all$/u);
    expect(values[1]?.value).toEqual([...tags.slice(0, 10), '… 300 items in all']);
    expect(values[2]?.value).toEqual(['… object of 2', '… object of 1']);
    expect(values[3]?.value).toBe('… object of 1');
    expect(JSON.stringify(values).length).toBeLessThan(2_000);
  });
});

describe('never throws, and is bounded', () => {
  it.each([
    ['parentheses', '('.repeat(5_000)],
    ['negations', '!'.repeat(2_048)],
    ['signs', `${'-'.repeat(2_000)}args.count > 1`],
    ['a long name', 'a'.repeat(1_000_000)],
    ['a long number', '1'.repeat(2_000)],
    ['a long list', `[${'1,'.repeat(900)}1].exists(n, n == args.count)`],
    ['a NUL', '\u0000'],
    ['a lone surrogate', '"\ud800"'],
    ['an escaped lone surrogate', 'args.role == "\\ud800"'],
    ['__proto__', '__proto__'],
    ['a field of __proto__', 'args.__proto__.polluted'],
    ['a variable called map', 'args.tags.map(map, map)'],
    ['has() of nothing', 'has()'],
    ['has() of a number', 'has(1)'],
    ['re2() of nothing', 're2()'],
    ['re2() without a pattern', 're2(args.role)'],
    ['re2() as a method', 'args.re2(args.role)'],
    ['a number as variable', 'args.tags.exists(1, true)'],
  ])('%s', (_, condition) => {
    const expression = new Expression(condition);
    expect(expression.evaluate(bound()).kind).toBe('error');
    expect(() => [expression.roots, expression.paths, expression.valuesRead(bound())]).not.toThrow();
  });

  it('a regular expression takes no more steps than its share, however often it is asked', () => {
    const tags = Array.from({ length: 256 }, () => 'a'.repeat(3_000));
    const outcome = evaluate('args.tags.exists(t, re2(t, "(a+)+(b+)+$"))', bound({ tags }));
    expect(outcome).toEqual({ kind: 'error', message: 'the patterns take too many steps' });
    expect(evaluate('args.tags.exists(t, re2(t, "(a+)+(b+)+$"))', bound({ tags: ['aab'] })).kind).toBe(
      'true',
    );
  });

  it.each([
    ['one condition', ['re2(args.role, "a[ab]{10,199}[yz]")']],
    ['many conditions', Array.from({ length: 40 }, (_, n) => `re2(args.role, "a[ab]{${n},40}[yz]")`)],
    ['many globs', Array.from({ length: 40 }, (_, n) => `glob(args.role, "${'*a'.repeat(20 + n)}z")`)],
  ])('%s of an evaluation take no more steps than the evaluation has', (_, conditions) => {
    const facts = bound({ role: 'ab'.repeat(10_000) });
    const outcomes = conditions.map((condition) => evaluate(condition, facts));
    expect(outcomes.at(-1)).toEqual({ kind: 'error', message: 'the patterns take too many steps' });
    expect(evaluate('re2(args.role, "b")', facts).kind).toBe('error');
    expect(evaluate('re2(args.role, "b")', bound({ role: 'ab'.repeat(10_000) })).kind).toBe('true');
  });

  it('messages quote the condition, never a fact', () => {
    const facts = bound({ role: 's3cret', address: 's3cret', labels: { s3cret: 's3cret' } });
    for (const condition of [
      'args.labels[args.role + "x"] == "a"',
      'cidr(args.address, "10.0.0.0/8")',
      'args.role',
      'args.role > 1',
      'args.role && args.count == 5',
    ]) {
      const outcome = evaluate(condition, facts);
      expect(outcome.kind).toBe('error');
      expect(JSON.stringify(outcome)).not.toContain('s3cret');
    }
  });
});
