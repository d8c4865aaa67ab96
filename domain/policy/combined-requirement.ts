import { ruleRequirementDigest } from '../request/digests.ts';
import { strictestLimit } from '../request/disclosure.ts';
import type { Requirement, RuleRequirement } from '../request/requirement.ts';
import { RISK_TIERS } from './risk.ts';

/** The union of two requirements: everything either demands. What is already asked of people is never loosened. */
export function tightened(old: Requirement, fresh: Requirement): Requirement {
  return {
    risk: RISK_TIERS[Math.max(RISK_TIERS.indexOf(old.risk), RISK_TIERS.indexOf(fresh.risk))] ?? 'critical',
    distinct_people: Math.max(old.distinct_people, fresh.distinct_people),
    rules: uniqueRules([...old.rules, ...fresh.rules]),
    ...strictestLimit(old.channels, fresh.channels),
  };
}

/** What the old round and the active policy require together. */
export function combinedRequirement(
  old: Requirement | null,
  { requirement: fresh }: { readonly requirement: Requirement | null },
): Requirement | null {
  if (old === null) return fresh;
  return fresh === null ? old : tightened(old, fresh);
}

/** Each demand once, in an order of its own. */
export function uniqueRules(rules: readonly RuleRequirement[]): readonly RuleRequirement[] {
  if (rules.length === 1) return rules;
  // Of two with the same content the first one is taken: a map keeps what is set last.
  const byContent = new Map(rules.toReversed().map((rule) => [ruleRequirementDigest(rule), rule]));
  return [...byContent].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, rule]) => rule);
}
