import { ruleRequirementDigest } from './digest.ts';
import type { Evaluation } from './evaluation.ts';
import type { RuleEffect } from './policy.ts';
import { isGradeSufficient, type Requirement, type RuleRequirement } from './requirement.ts';
import { RISK_TIERS } from './risk.ts';

/** Effects from the loosest to the strictest. */
export const EFFECTS: readonly RuleEffect[] = ['allow', 'review', 'forbid'];

/**
 * True only when whatever satisfies `strict` also satisfies `loose`: every rule of `loose` is in `strict`, alike or
 * stronger, with no fewer distinct people and no lower risk. False may also mean that the two cannot be compared: two
 * different groups, say, of which neither is the stricter.
 */
export function isAtLeastAsStrict(strict: Requirement, loose: Requirement): boolean {
  return (
    strict.distinct_people >= loose.distinct_people &&
    RISK_TIERS.indexOf(strict.risk) >= RISK_TIERS.indexOf(loose.risk) &&
    loose.rules.every((wanted) => strict.rules.some((rule) => isRuleAtLeastAsStrict(rule, wanted)))
  );
}

/** The same people are asked for, on the same terms or harder ones. */
function isRuleAtLeastAsStrict(strict: RuleRequirement, loose: RuleRequirement): boolean {
  if (strict === loose) return true;
  const terms = termsAtLeastAsStrict(strict, loose);
  return terms && ruleRequirementDigest(withTermsOf(strict, loose)) === ruleRequirementDigest(loose);
}

function termsAtLeastAsStrict(strict: RuleRequirement, loose: RuleRequirement): boolean {
  return (
    strict.expires_ms <= loose.expires_ms &&
    strict.maximum_age_ms <= loose.maximum_age_ms &&
    isGradeSufficient(strict.minimum_grade, loose.minimum_grade) &&
    (strict.is_reason_required || !loose.is_reason_required)
  );
}

/** What is left to compare must then be equal, fields that only a later version knows included. */
function withTermsOf(rule: RuleRequirement, terms: RuleRequirement): RuleRequirement {
  const { expires_ms, maximum_age_ms, minimum_grade, is_reason_required } = terms;
  return { ...rule, expires_ms, maximum_age_ms, minimum_grade, is_reason_required };
}

/**
 * True when `candidate` lets something through that `base` would not: a lesser effect, or a requirement that is not at
 * least as strict. What cannot be compared counts as looser.
 */
export function isLooser(
  candidate: Pick<Evaluation, 'effect' | 'requirement'>,
  base: Pick<Evaluation, 'effect' | 'requirement'>,
): boolean {
  const [rank, baseRank] = [EFFECTS.indexOf(candidate.effect), EFFECTS.indexOf(base.effect)];
  if (rank !== baseRank) return rank < baseRank;
  if (base.requirement === null) return false;
  return candidate.requirement === null || !isAtLeastAsStrict(candidate.requirement, base.requirement);
}
