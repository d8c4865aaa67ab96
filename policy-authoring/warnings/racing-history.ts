import { Expression } from '../../domain/conditions/expression.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import { inRule, type PolicyWarning } from './warning.ts';

/** Allow rules with a condition on earlier requests: concurrent requests do not see each other there. */
export function racingHistory(policy: PolicySet): readonly PolicyWarning[] {
  return policy.rules.flatMap((rule): readonly PolicyWarning[] => {
    const { effect, when = 'true' } = rule;
    const isRacing = effect === 'allow' && new Expression(when).paths.some(isCount);
    if (!isRacing) return [];
    const message = 'allows by earlier requests, and does not count concurrent ones: use a counting window';
    return [{ ...inRule(rule, 'when'), code: 'history_races', message }];
  });
}

function isCount(path: string): boolean {
  return path === 'history' || path === 'history.requests_24h';
}
