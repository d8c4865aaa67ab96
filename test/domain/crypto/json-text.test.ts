import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { JSON_DEPTH_MAX, parseJsonText } from '../../../domain/crypto/json-text.ts';

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
    ['a number too small for any', '{"n":1e-400}'],
    ['one that rounds to a smaller one', '{"n":4e-324}'],
    ['more digits behind the point than are kept', '{"n":1.00000000000000000001}'],
    ['such digits in a list', '[0.12345678901234567890]'],
    ['a fraction that rounds to an integer', '{"n":4503599627370497.5}'],
    ['such a fraction, negative', '{"n":-4503599627370497.5}'],
    ['such a fraction with an exponent', '{"n":45035996273704975E-1}'],
    ['a whole number in words of a fraction that becomes another', '{"n":0.9999999999999999999}'],
    ['seventeen digits where another text is the shortest', '{"n":0.10000000000000001}'],
    ['minus nought', '{"n":-0}'],
    ['minus nought with a point', '{"n":-0.0}'],
    ['minus nought with an exponent', '{"n":-0e5}'],
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
    ['0', 0],
    ['0.000', 0],
    ['0e99999', 0],
    ['1.0', 1],
    ['1.10', 1.1],
    ['-1.10', -1.1],
    ['1e2', 100],
    ['1E+2', 100],
    ['100e-2', 1],
    ['0.1', 0.1],
    ['0.00001', 0.00001],
    ['1e-7', 1e-7],
    ['0.30000000000000004', 0.1 + 0.2],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740991.000', Number.MAX_SAFE_INTEGER],
    ['5e-324', Number.MIN_VALUE],
    [`0.${'0'.repeat(400)}1e401`, 1],
    [`1${'0'.repeat(400)}e-400`, 1],
  ])('reads %s, whatever its form', (text, value) => {
    expect(parseJsonText(text)).toBe(value);
  });

  it('reads a number exactly or not at all', () => {
    const digits = fc.stringMatching(/^[0-9]{1,25}$/);
    fc.assert(
      fc.property(
        fc.boolean(),
        digits,
        digits,
        fc.integer({ min: -350, max: 20 }),
        (isNegative, ...parts) => {
          const [whole, fraction, exponent] = parts;
          const sign = isNegative ? '-' : '';
          const text = `${sign}${whole.replace(/^0+(?=.)/, '')}.${fraction}e${exponent}`;
          const read = attempt(() => parseJsonText(text));
          const shown = attempt(() => JSON.stringify(Number(text)));
          const isSame = shown.ok && scaled(shown.value) === scaled(text) && !/^-[0.]*e/.test(text);
          const isUnsafe = Number.isInteger(Number(text)) && !Number.isSafeInteger(Number(text));
          expect(read.ok).toBe(isSame && !isUnsafe);
          if (read.ok) expect(read.value).toBe(Number(text));
        },
      ),
      { numRuns: 2_000 },
    );
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
      `0.1${'0'.repeat(256 * 1024)}1`,
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

/** A decimal number, times ten to the power of 500. */
function scaled(text: string): bigint {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return BigInt(whole + fraction) * 10n ** BigInt(500 + Number(exponent) - fraction.length);
}

function isExact(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (Array.isArray(value)) return value.every(isExact);
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}
