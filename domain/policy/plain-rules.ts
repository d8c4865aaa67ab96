import { Expression } from '../conditions/expression.ts';
import type { PolicySet } from './policy.ts';

/** What rows of a target can change: the plan itself, sums over plans, and the risk that lines about a plan add up to. */
const OF_PLANS: ReadonlySet<string> = new Set(['plan', 'windows', 'history', 'risk']);

/**
 * Those of some rules that no data of a target decides, by each of the policies: a requester may know that one matched,
 * as `evaluate` says so before anything is planned.
 */
export function plainRules<Rule extends { readonly id: string }>(
  rules: readonly Rule[],
  policies: readonly Pick<PolicySet, 'rules'>[],
): readonly Rule[] {
  return rules.filter(({ id }) =>
    policies.every((policy) => {
      const rule = policy.rules.find((one) => one.id === id);
      if (!rule) return false;
      const paths = rule.when === undefined ? [] : new Expression(rule.when).paths;
      return paths.every((path) => !OF_PLANS.has(path.split(/[.[]/)[0] ?? ''));
    }),
  );
}
