import { BlockList, isIP } from 'node:net';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileCidr } from '../../../domain/conditions/cidr.ts';
import { compileGlob } from '../../../domain/conditions/glob.ts';
import { PatternError } from '../../../domain/conditions/pattern.ts';
import { compileRegularExpression } from '../../../domain/conditions/regular-expression.ts';

describe('glob', () => {
  it.each([
    ['s3://corp-*/**', 's3://corp-a/b/c', true],
    ['s3://corp-*/**', 's3://corp-a', false],
    ['s3://corp-*', 's3://corp-a/b', false],
    ['*', 'a\nb', true],
    ['*', '', true],
    ['a?c', 'a👩c', true],
    ['a?c', 'a/c', false],
    ['a.c', 'abc', false],
    ['a', 'A', false],
    ['**/x', 'a/b/x', true],
    ['**', 'a/b', true],
    ['(a|b)+$', '(a|b)+$', true],
  ])('%s on %s: %s', (pattern, text, outcome) => {
    expect(compileGlob(pattern).test(text)).toBe(outcome);
  });

  it('agrees with its definition as a regular expression', () => {
    const piece = fc.constantFrom('*', '**', '?', 'a', 'b', '/', '.', '👩', '-');
    const pattern = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''));
    const text = fc.array(fc.constantFrom('a', 'b', '/', '.', '👩', '-'), { maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (source, characters) => {
        fc.pre(!source.includes('***'));
        const expected = source
          .replaceAll('.', '\\.')
          .replaceAll(/\*\*|\*|\?/gu, (run) => ({ '**': '.*', '*': '[^/]*', '?': '[^/]' })[run] ?? '');
        expect(compileGlob(source).test(characters.join(''))).toBe(
          new RegExp(`^(?:${expected})$`, 'su').test(characters.join('')),
        );
      }),
      { numRuns: 2_000 },
    );
  }, 30_000);

  it('is as fast on hostile text as on any other', () => {
    expect(compileGlob('*a*a*a*a*a*a*a*a*a*a*a*a*b').test('a'.repeat(5_000))).toBe(false);
  });
});

describe('cidr', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['10.0.0.0/8', '::ffff:a00:1', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['192.0.2.7/32', '192.0.2.7', true],
    ['2001:db8::/32', '2001:DB8:0:0:1::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['::/0', '1::', true],
    ['::1/128', '0:0:0:0:0:0:0:1', true],
  ])('%s on %s: %s', (range, address, outcome) => {
    expect(compileCidr(range).test(address)).toBe(outcome);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.0.1',
    '010.0.0.1',
    '10.0.0.256',
    '0x0a.0.0.1',
    '167772161',
    ' 10.0.0.1',
    '10.0.0.1\n',
    '10.0.0.1/8',
    'fe80::1%eth0',
    '1::2::3',
    ':::',
    '::1:',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::10.0.0.1:1',
    '10.0.0.1::',
    '１０.0.0.1',
    'localhost',
    '1:2:3:4:5:6:7::8:9',
  ])('refuses to evaluate %j', (address) => {
    expect(() => compileCidr('10.0.0.0/8').test(address)).toThrow(PatternError);
    expect(() => compileCidr('::/0').test(address)).toThrow(PatternError);
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.1/8',
    '/8',
    'a/8',
    '1/8/9',
    '::ffff:10.0.0.0/104',
  ])('refuses the range %s', (range) => {
    expect(() => compileCidr(range)).toThrow(PatternError);
  });

  it('agrees with the platform about addresses and ranges', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom(...Array.from('0123456789abf:.')), maxLength: 16 }),
    );
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), address, (network, prefix, candidate) => {
        const mask = prefix === 0 ? 0n : (0xffff_ffffn << BigInt(32 - prefix)) & 0xffff_ffffn;
        const bits = network.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n) & mask;
        const base = [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join('.');
        const range = compileCidr(`${base}/${prefix}`);
        const version = isIP(candidate);
        if (version === 0) {
          expect(() => range.test(candidate)).toThrow(PatternError);
          return;
        }
        const list = new BlockList();
        list.addSubnet(base, prefix, 'ipv4');
        expect(range.test(candidate)).toBe(list.check(candidate, version === 4 ? 'ipv4' : 'ipv6'));
      }),
      { numRuns: 2_000 },
    );
  }, 30_000);
});

describe('re2', () => {
  it('finds anywhere in the text, unless anchored', () => {
    expect(compileRegularExpression('(?i)drop\\s+table').test('x; DROP  TABLE y')).toBe(true);
    expect(compileRegularExpression('^drop').test('x drop')).toBe(false);
  });

  it('does not backtrack', () => {
    expect(compileRegularExpression('(a+)+$').test(`${'a'.repeat(20_000)}!`)).toBe(false);
  });

  it.each(['(', '(?=a)', '(?<=a)b', '\\1', 'a{1,2000}', '[a-z]{1,1000}', '(a{1,100}){1,10}$'])(
    'refuses %s',
    (pattern) => {
      expect(() => compileRegularExpression(pattern)).toThrow(PatternError);
    },
  );
});
