import { Expression } from '../../domain/conditions/expression.ts';
import type { FactPath } from '../../domain/conditions/reads.ts';
import type { PolicySet, Rule } from '../../domain/policy/policy.ts';
import { DECLARED_FACT } from '../../domain/policy/request-facts.ts';
import { inRule, type PolicyWarning } from './warning.ts';

/** Rules that require less if a caller declares something about itself: it is not proven, so it never makes them match. */
export function declaredFacts(policy: PolicySet): readonly PolicyWarning[] {
  return policy.rules.filter(isLoosenedByWord).map((rule) => ({
    ...inRule(rule, 'when'),
    code: 'declared_only',
    message: `reads request.${DECLARED_FACT}, which only the caller vouches for: it never loosens what this rule requires. Use request.on_behalf_of, which a token proves`,
  }));
}

function isLoosenedByWord({
  effect,
  break_glass: isShort,
  replaces_default: isReplacing,
  when,
}: Rule): boolean {
  const isLoosening = effect === 'allow' || isShort === true || (effect === 'review' && isReplacing);
  return isLoosening && when !== undefined && new Expression(when).factPaths.some(isDeclared);
}

/** True for the path of what only the caller vouches for, and for what holds it. */
function isDeclared([root, field]: FactPath): boolean {
  return root === 'request' && (field === undefined || field === DECLARED_FACT);
}
