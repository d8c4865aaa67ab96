import { describe, expect, it } from 'vitest';

import type { CountingWindow } from '../../../domain/policy/policy.ts';
import { amountOf, windowKey } from '../../../domain/policy/counting-windows.ts';
import { FACTS } from '../examples.ts';

const WINDOW: CountingWindow = { id: 'rows', action: ['a', 'b'], over_ms: 1, per: [], sum: 'plan.rows' };
const QUERY = { action: 'a', target: 'shop', root: 'person:ada' };
const OTHERS = [
  { ...QUERY, root: 'person:olga' },
  { ...QUERY, action: 'b' },
  { ...QUERY, target: 'shop-2' },
];

describe('requests count together in a window', () => {
  it.each([
    [[], [true, true, true]],
    [['lineage'], [false, true, true]],
    [['action'], [true, false, true]],
    [['target'], [true, true, false]],
    [
      ['lineage', 'action', 'target'],
      [false, false, false],
    ],
  ] as const)('per %j when they are alike in that, and else are not', (per, together) => {
    const window = { ...WINDOW, per };
    const key = windowKey(window, QUERY);
    expect(OTHERS.map((other) => windowKey(window, other) === key)).toEqual(together);
    expect(windowKey({ ...window, id: 'others' }, QUERY)).not.toBe(key);
  });
});

describe('what a request adds to a window', () => {
  it('is a whole number that is never negative: nobody makes room for others', () => {
    const amount = (sum: string | null, args = {}): number =>
      amountOf({ ...WINDOW, sum }, { ...FACTS, args });
    expect(amount('plan.rows')).toBe(1);
    expect(amount('plan.resources')).toBe(1);
    expect(amount(null)).toBe(0);
    expect(amount('args.rows', { rows: 7 })).toBe(7);
    for (const rows of [-7, 0.5, 1e300, '7', null]) expect(amount('args.rows', { rows })).toBe(0);
    expect(amount('args.rows')).toBe(0);
    expect(amountOf(WINDOW, { plan: null, args: {} })).toBe(0);
  });
});
