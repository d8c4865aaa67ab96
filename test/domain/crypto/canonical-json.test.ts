import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalJson, DEPTH_MAX } from '../../../domain/crypto/canonical-json.ts';

/** RFC 8785 appendix B: the bits of an IEEE 754 double and its text. */
const NUMBERS: readonly (readonly [string, string])[] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
];

/** Appendix B again: what the RFC refuses, and the integers that only Keyturn refuses. */
const REFUSED_NUMBERS: readonly (readonly [string, string])[] = [
  ['7fffffffffffffff', 'NaN'],
  ['7ff0000000000000', 'Infinity'],
  ['4340000000000000', '2^53'],
  ['c340000000000000', '-2^53'],
  ['4430000000000000', '295147905179352830000'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
];

function double(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE();
}

describe('canonical JSON', () => {
  it('writes the serialisation example of RFC 8785 section 3.2.2 as the RFC does', () => {
    const input = String.raw`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}`;
    expect(canonicalJson(JSON.parse(input))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],` +
        String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('sorts keys by UTF-16 code units, as the example of section 3.2.3 does', () => {
    const input = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect(JSON.parse(canonicalJson(input))).toEqual(input);
    const order = ['"\\r"', '"1"', '"\u0080"', '"ö"', '"€"', '"\ud83d\ude00"', '"\ufb33"'];
    const positions = order.map((key) => canonicalJson(input).indexOf(`${key}:`));
    expect(positions).not.toContain(-1);
    // `1` sorts as text between the carriage return and the control character, wherever an engine would list it.
    expect(positions).toEqual([...positions].sort((left, right) => left - right));
  });

  it.each(NUMBERS)('writes the double %s of appendix B as %s', (bits, text) => {
    expect(canonicalJson(double(bits))).toBe(text);
  });

  it.each(REFUSED_NUMBERS)('refuses the double %s of appendix B (%s)', (bits) => {
    expect(() => canonicalJson(double(bits))).toThrow(expect.objectContaining({ code: 'not_canonical' }));
  });

  it('gives the same text whatever the order in which keys were set', () => {
    fc.assert(
      fc.property(fc.dictionary(safeKey, fc.jsonValue()), fc.infiniteStream(fc.nat()), (object, order) => {
        fc.pre(isCanonical(object));
        const ranked = Object.entries(object).map((entry) => ({ entry, rank: order.next().value ?? 0 }));
        const shuffled = Object.fromEntries(ranked.sort((a, b) => a.rank - b.rank).map(({ entry }) => entry));
        expect(canonicalJson(shuffled)).toBe(canonicalJson(object));
      }),
    );
  });

  it('is what its own text parses to, and parses to the value it was made of', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(isCanonical(value));
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.stringify(JSON.parse(text), undefined, 0).length).toBe(text.length);
      }),
    );
  });

  it('gives different texts for different values', () => {
    expect(canonicalJson({ a: 1 })).not.toBe(canonicalJson({ a: '1' }));
    expect(canonicalJson(['a', 'b'])).not.toBe(canonicalJson(['a,b']));
    expect(canonicalJson('caf\u00e9')).not.toBe(canonicalJson('cafe\u0301'));
  });

  it.each([
    ['an integer that a double cannot hold', Number.MAX_SAFE_INTEGER + 1],
    ['a negative one', Number.MIN_SAFE_INTEGER - 1],
    ['NaN', Number.NaN],
    ['an infinity', -Infinity],
    ['a lone high surrogate', 'a\ud800'],
    ['a lone low surrogate', '\udc00a'],
    ['a lone surrogate in a key', { '\ud800': 1 }],
    ['undefined', undefined],
    ['undefined inside an object', { a: undefined }],
    ['undefined inside a list', [undefined]],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a symbol key', { [Symbol('a')]: 1 }],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['the key __proto__', JSON.parse('{"__proto__": 1}')],
    ['the key __proto__ deep inside', JSON.parse('[{"a": {"__proto__": {"isAdmin": true}}}]')],
    ['the key constructor', { constructor: 1 }],
    ['the key prototype', { prototype: 1 }],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'not_canonical' }));
  });

  it('accepts an object without a prototype like any other', () => {
    const bare: unknown = Object.create(null, { a: { value: 1, enumerable: true } });
    expect(canonicalJson(bare)).toBe('{"a":1}');
  });

  it('accepts nesting up to the limit and refuses one level more, however deep', () => {
    expect(canonicalJson(nested(DEPTH_MAX))).toHaveLength(2 * DEPTH_MAX);
    for (const depth of [DEPTH_MAX + 2, 5_000]) {
      expect(() => canonicalJson(nested(depth))).toThrow(expect.objectContaining({ code: 'not_canonical' }));
    }
  });
});

function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth));
}

const safeKey = fc.string().filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key));

function isCanonical(value: unknown): boolean {
  try {
    canonicalJson(value);
    return true;
  } catch {
    return false;
  }
}
