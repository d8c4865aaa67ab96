import { describe, expect, it } from 'vitest';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { bindFacts, LIST_LENGTH_MAX, STRING_LENGTH_MAX } from '../../../domain/conditions/binding.ts';
import { ARGUMENTS, bound, evaluate, FACTS, VARIABLES } from './examples.ts';

const long = (length: number): readonly string[] => Array.from({ length }, (_, index) => `tag-${index}`);

describe('a value of a wrong type is an error, never a silent false', () => {
  it.each<[string, Readonly<Record<string, JsonValue | undefined>>]>([
    ['args.role in ["owner"]', { role: null }],
    ['args.role in ["owner"]', { role: ['owner'] }],
    ['args.role in ["owner"]', { role: undefined }],
    ['args.role == "owner"', { role: { constructor: 'owner' } }],
    ['args.count == 5', { count: '5' }],
    ['args.count == 5', { count: 5.5 }],
    ['args.count == 5', { count: 2 ** 53 }],
    ['args.count == 5', { count: true }],
    ['args.ratio > 1.0', { ratio: '2' }],
    ['args.ratio > 1.0', { ratio: 1e300 }],
    ['args.ratio > 1.0', { ratio: NaN }],
    ['args.tags.exists(t, t == "sox")', { tags: 'sox' }],
    ['args.tags.exists(t, t == "sox")', { tags: ['a', null] }],
    ['"sox" in args.tags', { tags: { sox: true } }],
    ['"sox" in args.tags', { tags: [['sox']] }],
    ['args.numbers.exists(n, n == 1)', { numbers: [1, 1.5] }],
    ['"team" in args.labels', { labels: ['team'] }],
    ['"team" in args.labels', { labels: { team: 1 } }],
    ['args.items.exists(i, i.name == "web")', { items: [{ name: 'web' }, {}] }],
    ['args.items.exists(i, i.name == "web")', { items: ['web'] }],
    ['has(args.limit) && args.limit > 1', { limit: null }],
    ['has(args.nested)', { nested: 'x' }],
    ['args.role == "\ufffd"', { role: '\ud800' }],
    ['args.role == "owner"', { role: 'x'.repeat(STRING_LENGTH_MAX + 1) }],
  ])('%s with %j', (condition, args) => {
    expect(evaluate(condition, bound(args))).toMatchObject({ kind: 'error' });
  });

  it.each<[JsonValue]>([[null], [[]], ['text'], [{ env: 'prodd', classes: [] }], [{}]])(
    'resource.env != "prod" with resource %j',
    (resource) => {
      expect(evaluate('resource.env != "prod"', bound({}, { resource }))).toMatchObject({ kind: 'error' });
    },
  );

  it('also where the rest of the condition would settle it', () => {
    expect(evaluate('args.count == 5 || args.role == "x"', bound({ role: null })).kind).toBe('error');
    expect(evaluate('args.count == 6 && args.role == "x"', bound({ role: null })).kind).toBe('error');
  });

  it('also where only the object around it is asked for', () => {
    expect(evaluate('"limit" in args', bound({ limit: null })).kind).toBe('error');
  });
});

describe('a violation poisons its own path only', () => {
  it('so that conditions about other arguments are decided', () => {
    const facts = bound({ role: null });
    expect(facts.violations).toEqual([{ path: ['args', 'role'], message: 'args.role is not a string' }]);
    expect(evaluate('args.count == 5', facts).kind).toBe('true');
    expect(evaluate('resource.env == "dev"', facts).kind).toBe('false');
  });

  it('so that a field of the same name elsewhere is unharmed', () => {
    const facts = bound({ nested: { deep: 1 } });
    expect(evaluate('has(args.nested) && has(args.nested.deep)', facts).kind).toBe('error');
    expect(evaluate('has(args.limit)', facts).kind).toBe('false');
  });

  it('and names it without quoting the value', () => {
    const facts = bound({ role: ['s3cret'], labels: { 's3cret key': 1 }, tags: ['s3cret', 1] });
    expect(JSON.stringify(facts.violations)).not.toContain('s3cret');
    for (const condition of ['args.role == "x"', '"x" in args.labels', '"x" in args.tags']) {
      expect(JSON.stringify(evaluate(condition, facts))).not.toContain('s3cret');
    }
  });
});

describe('nothing is cut to fit', () => {
  it('a list of 256 is searched to its end, one more is an error', () => {
    const last = `"tag-${LIST_LENGTH_MAX - 1}" in args.tags`;
    expect(evaluate(last, bound({ tags: long(LIST_LENGTH_MAX) })).kind).toBe('true');
    expect(evaluate(last, bound({ tags: long(LIST_LENGTH_MAX + 1) }))).toEqual({
      kind: 'error',
      message: 'args.tags has 257 items, more than 256',
    });
  });

  it('likewise the entries of a map', () => {
    const labels = (count: number): JsonValue => Object.fromEntries(long(count).map((key) => [key, key]));
    expect(evaluate('"tag-255" in args.labels', bound({ labels: labels(LIST_LENGTH_MAX) })).kind).toBe(
      'true',
    );
    expect(evaluate('"tag-0" in args.labels', bound({ labels: labels(LIST_LENGTH_MAX + 1) })).kind).toBe(
      'error',
    );
  });

  it('likewise the characters of a string', () => {
    const role = 'x'.repeat(STRING_LENGTH_MAX);
    expect(evaluate('args.role.endsWith("x")', bound({ role })).kind).toBe('true');
  });
});

describe('hostile names', () => {
  it('are ordinary keys of maps', () => {
    const labels = JSON.parse('{"__proto__":"x","constructor":"y","toString":"z"}') as JsonValue;
    for (const key of ['__proto__', 'constructor', 'toString']) {
      expect(evaluate(`"${key}" in args.labels`, bound({ labels })).kind).toBe('true');
      expect(evaluate(`"${key}" in args.labels`, bound({ labels: {} })).kind).toBe('false');
      expect(evaluate(`args.labels.exists(k, k == "${key}")`, bound({ labels })).kind).toBe('true');
    }
  });

  it('are not inherited by objects', () => {
    const polluted = JSON.parse('{"__proto__":{"limit":99}}') as Readonly<Record<string, JsonValue>>;
    const args = Object.assign(Object.create({ limit: 99 }) as object, ARGUMENTS) as unknown as JsonValue;
    expect(evaluate('has(args.limit)', bound({}, { args })).kind).toBe('false');
    expect(evaluate('has(args.limit)', bound(polluted)).kind).toBe('false');
  });

  it('are not inherited by the facts themselves', () => {
    const variables = { ...VARIABLES, toString: { kind: 'bool' } as const };
    expect([...bindFacts(variables, FACTS).missing]).toEqual(['plan', 'toString']);
  });
});

it('ignores a fact that no variable stands for', () => {
  const facts = bound({}, { other: true });
  expect(evaluate('other', facts)).toEqual({ kind: 'error', message: 'unknown variable other' });
  expect(evaluate('args.count == 5', facts).kind).toBe('true');
});
