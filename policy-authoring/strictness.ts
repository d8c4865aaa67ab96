import { ruleRequirementDigest } from '../domain/request/digests.ts';
import { isLimitAtLeastAsStrict } from '../domain/request/disclosure.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import { asksForAllOf } from '../domain/conditions/combined.ts';
import type { RuleEffect } from '../domain/policy/policy.ts';
import {
  isGradeSufficient,
  type Requirement,
  type RuleRequirement,
  type Selector,
  type Stage,
} from '../domain/request/requirement.ts';
import { RISK_TIERS } from '../domain/policy/risk.ts';

/** Effects from the loosest to the strictest. */
export const EFFECTS: readonly RuleEffect[] = ['allow', 'review', 'forbid'];

/**
 * True only when whatever satisfies `strict` also satisfies `loose`: every rule of `loose` is in `strict`, alike or
 * stronger (a larger quorum, one more stage, fewer groups to choose from, harder terms), with no fewer distinct people,
 * no lower risk and no more shown in channels. Groups are compared by name. False may also mean that the two cannot be compared: two different
 * groups, say, of which neither is the stricter.
 */
export function isAtLeastAsStrict(strict: Requirement, loose: Requirement): boolean {
  return (
    strict.distinct_people >= loose.distinct_people &&
    RISK_TIERS.indexOf(strict.risk) >= RISK_TIERS.indexOf(loose.risk) &&
    isLimitAtLeastAsStrict(strict.channels, loose.channels) &&
    loose.rules.every((wanted) => strict.rules.some((rule) => isRuleAtLeastAsStrict(rule, wanted)))
  );
}

/** The same people are required, or more of them, or a narrower choice of them, on the same terms or harder ones. */
function isRuleAtLeastAsStrict(strict: RuleRequirement, loose: RuleRequirement): boolean {
  if (ruleRequirementDigest(strict) === ruleRequirementDigest(loose)) return true;
  return (
    areTermsAtLeastAsStrict(strict, loose) &&
    areStagesAtLeastAsStrict(strict.stages, loose.stages) &&
    ruleRequirementDigest(withoutCompared(strict)) === ruleRequirementDigest(withoutCompared(loose))
  );
}

function areTermsAtLeastAsStrict(strict: RuleRequirement, loose: RuleRequirement): boolean {
  return (
    (strict.order === loose.order || strict.order === 'sequential') &&
    strict.expires_ms <= loose.expires_ms &&
    strict.maximum_age_ms <= loose.maximum_age_ms &&
    isGradeSufficient(strict.minimum_grade, loose.minimum_grade) &&
    (strict.is_reason_required || !loose.is_reason_required) &&
    isNarrowerCondition(strict.reviewer_when, loose.reviewer_when)
  );
}

function isNarrowerCondition(strict: string | undefined, loose: string | undefined): boolean {
  return loose === undefined || (strict !== undefined && asksForAllOf(strict, loose));
}

/** Each stage of `loose` has a stage of its own in `strict`, in the same order: then one's seats are among the other's. */
function areStagesAtLeastAsStrict(strict: readonly Stage[], loose: readonly Stage[]): boolean {
  let from = 0;
  return loose.every((wanted) => {
    const found = strict.findIndex((stage, index) => index >= from && isStageAtLeastAsStrict(stage, wanted));
    from = found + 1;
    return found >= 0;
  });
}

function isStageAtLeastAsStrict(strict: Stage, loose: Stage): boolean {
  const isKnown = Object.keys(strict).every((key) => KNOWN_OF_STAGES.has(key));
  const mayFrom = (selector: Selector, afterMs: number): boolean =>
    loose.any.includes(selector) ||
    loose.escalate.some(({ to, after_ms: dueMs }) => to === selector && dueMs <= afterMs);
  return (
    isKnown &&
    strict.quorum >= loose.quorum &&
    strict.any.every((selector) => mayFrom(selector, 0)) &&
    strict.escalate.every(({ to, after_ms: afterMs }) => mayFrom(to, afterMs))
  );
}

const KNOWN_OF_STAGES: ReadonlySet<string> = new Set(['any', 'quorum', 'escalate']);

/** What is left must be equal: fields that only a later version has cannot be compared. */
function withoutCompared(rule: RuleRequirement): RuleRequirement {
  const { reviewer_when: _when, ...rest } = rule;
  const compared = {
    stages: [],
    expires_ms: 0,
    maximum_age_ms: 0,
    minimum_grade: 'C',
    is_reason_required: false,
  };
  return { ...rest, ...compared, order: 'parallel' } as RuleRequirement;
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
