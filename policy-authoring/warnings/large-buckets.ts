import type { PolicySet, Rule, Target } from '../../domain/policy/policy.ts';
import { indexOf } from '../../domain/policy/rule-index.ts';
import { quote } from '../../domain/conditions/did-you-mean.ts';
import type { PolicyWarning } from './warning.ts';

/** More rules that can match one action on one target are reported: each evaluation runs them all. */
export const BUCKET_RULES_MAX = 64;

/** Actions and targets on which so many rules can match that nobody can tell the outcome any more. One for each action. */
export function largeBuckets(policy: PolicySet): readonly PolicyWarning[] {
  return policy.actions.flatMap(({ action, resource_type: type }) => {
    // With fewer rules about the action no target can have so many.
    if (policy.rules.filter(({ on }) => on.action.includes(action)).length <= BUCKET_RULES_MAX) return [];
    const buckets = policy.targets
      .filter((target) => target.resource_type === type)
      .map((target) => ({ target, rules: rulesOf(policy, action, target) }))
      .filter(({ rules }) => rules.length > BUCKET_RULES_MAX);
    const [first] = buckets;
    const over = first?.rules[BUCKET_RULES_MAX];
    if (!first || !over) return [];
    const others = buckets.length > 1 ? ` and as many on ${buckets.length - 1} more` : '';
    const message = `${first.rules.length} rules can match ${quote(action)} on ${quote(first.target.id)}${others}: more than ${BUCKET_RULES_MAX} are hard to review, and each is evaluated every time`;
    return [{ code: 'bucket_large' as const, rule: over.id, source: over.source, path: ['on'], message }];
  });
}

function rulesOf(policy: PolicySet, action: string, target: Target): readonly Rule[] {
  return indexOf(policy)
    .candidates(action, target)
    .map(({ rule }) => rule);
}
