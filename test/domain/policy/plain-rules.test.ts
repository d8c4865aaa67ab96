import { describe, expect, it } from 'vitest';

import { plainRules } from '../../../domain/policy/plain-rules.ts';
import type { Rule } from '../../../domain/policy/policy.ts';

function rule(id: string, when?: string): Rule {
  return { id, ...(when === undefined ? {} : { when }) } as Rule;
}

describe('rules that a requester may know of', () => {
  it.each([
    ['without a condition', undefined, true],
    ['on arguments', 'args.version == "1"', true],
    ['on groups and time', '"contractors" in request.groups && calendar.is_business_time', true],
    ['on the plan', 'plan.rows > 1000', false],
    ['on the plan behind something else', 'args.version == "1" || plan.destructive', false],
    ['on sums over plans', 'windows.changed_rows_24h.sum > 5', false],
    ['on the risk, which follows from the plan', 'risk.tier == "critical"', false],
    ['on what was denied before', 'history.denials_24h > 3', false],
  ])('are those that no data of a target decides: %s', (_what, when, isPlain) => {
    expect(plainRules([{ id: 'a' }], [{ rules: [rule('a', when)] }])).toHaveLength(isPlain ? 1 : 0);
  });

  it('must be plain by each of the policies, and known to each', () => {
    const [plain, reading] = [rule('a'), rule('a', 'plan.rows > 1')];
    expect(plainRules([{ id: 'a' }], [{ rules: [plain] }, { rules: [reading] }])).toEqual([]);
    expect(plainRules([{ id: 'a' }], [{ rules: [plain] }, { rules: [] }])).toEqual([]);
    expect(plainRules([{ id: 'a' }], [{ rules: [plain] }, { rules: [plain] }])).toEqual([{ id: 'a' }]);
  });
});
