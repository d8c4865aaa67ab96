import { describe, expect, it } from 'vitest';

import { allOf, asksForAllOf, not } from '../../../domain/conditions/combined.ts';
import { Expression } from '../../../domain/conditions/expression.ts';
import { bindFacts } from '../../../domain/conditions/binding.ts';

function holds(condition: string, a: boolean, b: boolean): boolean {
  const bound = bindFacts({ a: { kind: 'bool' }, b: { kind: 'bool' } }, { a, b });
  return new Expression(condition).evaluate(bound).kind === 'true';
}

describe('conditions that are put together', () => {
  it('mean what they say one by one, also with comments and loose operators', () => {
    const [left, right] = ['a || b // or not', '!a || !b'];
    for (const [a, b] of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ] as const) {
      expect(holds(allOf(left, right), a, b)).toBe(holds(left, a, b) && holds(right, a, b));
      expect(holds(allOf(left, not(right)), a, b)).toBe(holds(left, a, b) && !holds(right, a, b));
    }
  });

  it.each([
    ['a', 'a', true],
    ['(a) && (b)', 'b', true],
    ['(b) && (a)', 'a && b', true],
    ['( a )&&b', 'a', true],
    ['(a || b)', 'a', false],
    ['(a) || (b) && (a)', 'a', false],
    ['a', 'a && b', false],
    ['a == b', 'b == a', false],
    ['!', 'a', false],
  ] as const)('%s asks for all of %s: %s', (strict, loose, expected) => {
    expect(asksForAllOf(strict, loose)).toBe(expected);
  });
});
