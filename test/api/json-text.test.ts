import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { JSON_DEPTH_MAX, parseJsonText } from '../../apps/api/http/json-text.ts';

describe('reading a JSON body', () => {
  it('reads whatever JSON.parse reads, where nothing would be lost', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: 'binary' }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/__proto__|constructor|prototype|\\u0000|\\ud[89a-f]/i.test(text) && isExact(value));
        expect(parseJsonText(text)).toEqual(JSON.parse(text));
        expect(parseJsonText(JSON.stringify(value, null, '\t'))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('never reads what JSON.parse refuses', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json().chain(mutated)), (text) => {
        const accepted = attempt(() => parseJsonText(text));
        if (accepted.ok) expect(accepted.value).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['an integer beyond 2^53-1', '{"id":12345678901234567890}'],
    ['such an integer in other words', '{"id":9007199254740993.0}'],
    ['a number beyond all numbers', '{"id":1e999}'],
    ['a key given twice', '{"a":1,"a":2}'],
    ['a key given twice, once escaped', String.raw`{"a":1,"\u0061":2}`],
    ['__proto__', '{"__proto__":{"x":1}}'],
    ['an escaped constructor', String.raw`{"x":{"\u0063onstructor":1}}`],
    ['a lone surrogate', String.raw`{"x":"\ud800"}`],
    ['NUL', String.raw`{"x":"\u0000"}`],
    ['deep nesting', `${'['.repeat(JSON_DEPTH_MAX + 2)}${']'.repeat(JSON_DEPTH_MAX + 2)}`],
  ])('refuses %s, which would not be taken as it was meant', (_name, text) => {
    expect(() => parseJsonText(text)).toThrow(expect.objectContaining({ code: 'not_canonical' }));
  });

  it.each([
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    "{'a':1}",
    '01',
    '1.',
    '.5',
    '+1',
    'NaN',
    'nul',
    '"\t"',
    '"\\x"',
    '1 2',
    '\ufeff{}',
    '[1}',
  ])('refuses %j, which is not JSON', (text) => {
    expect(() => parseJsonText(text)).toThrow(expect.objectContaining({ code: 'invalid_json' }));
  });

  it('reads the largest body in a moment, also when it is one string that never ends', () => {
    const started = performance.now();
    parseJsonText(`["${'a'.repeat(256 * 1024)}"]`);
    for (const text of [
      `"${'a'.repeat(256 * 1024)}`,
      `"${'\\"'.repeat(128 * 1024)}`,
      ' '.repeat(256 * 1024),
    ]) {
      expect(() => parseJsonText(text)).toThrow();
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

function mutated(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(text.length), fc.constantFrom('', '"', ',', '}', ']', '\\', '0', '-', 'e', ' ', '\0', '{"'))
    .map(([at, insert]) => text.slice(0, at) + insert + text.slice(at + (insert === '' ? 1 : 0)));
}

function attempt<T>(work: () => T): { ok: true; value: T } | { ok: false } {
  try {
    return { ok: true, value: work() };
  } catch {
    return { ok: false };
  }
}

function isExact(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (Array.isArray(value)) return value.every(isExact);
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}
