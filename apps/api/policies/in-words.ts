import { requirementInWords, ruleInWords } from '../../../domain/cards/rules.ts';
import { duration } from '../../../domain/cards/words.ts';
import { defaultOf } from '../../../domain/policy/defaults.ts';
import { PUBLISH, type PolicySet } from '../../../domain/policy/policy.ts';
import { ownRequirement, ownRules } from '../../../domain/policy/reviewer-condition.ts';
import { RISK_TIERS, type RiskPolicy, type TierTerms } from '../../../domain/policy/risk.ts';

/** What a policy demands, as people read it: all but its catalogue and its directory. */
export function policyInWords(policy: PolicySet) {
  const { defaults, reviewers, risk } = policy;
  return {
    rules: ownRules(policy).map(ruleInWords),
    defaults: {
      effect: defaults.effect,
      requirement: requirementInWords(ownRequirement(defaults.require, reviewers)),
    },
    publishing: requirementInWords(defaultOf(policy, PUBLISH).require),
    reviewers: reviewers ?? null,
    risk: riskInWords(risk),
  };
}

function riskInWords({ lines, tiers, demands }: RiskPolicy) {
  return {
    lines: lines.map(({ on, weight, because, when }) => ({
      weight,
      because,
      when,
      only: on === undefined ? null : [...on.action, ...(on.env ?? []).map((env) => `in ${env}`)],
    })),
    tiers: RISK_TIERS.map((tier) => ({
      tier,
      from: tier === 'low' ? 0 : tiers[tier],
      demands: requirementsText(demands[tier]),
    })),
  };
}

/** What a tier requires beyond rules. Each requires what those below it require as well. */
function requirementsText(terms: TierTerms | undefined): string[] {
  if (terms === undefined) return [];
  const { distinct_people: people, minimum_grade: grade, maximum_age_ms: age, channels } = terms;
  return [
    ...(people > 1 ? [`${people} different people`] : []),
    ...(grade === 'C' ? [] : [`evidence grade ${grade} or better`]),
    ...(age === null ? [] : [`an approval is good for ${duration(age)}`]),
    ...(channels === undefined ? [] : [CHANNELS[channels]]),
  ];
}

const CHANNELS = {
  summary: 'chats, mails and lists show no details',
  link: 'chats, mails and lists show only a link',
} as const;
