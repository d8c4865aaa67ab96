import { digestOf } from '../crypto/digest.ts';
import { allOf, asksForAllOf } from '../conditions/combined.ts';
import type { PolicySet, Rule } from './policy.ts';
import type { RuleRequirement } from '../request/requirement.ts';

/** A condition that every reviewer must meet, whatever is reviewed, and why. */
export type ReviewerCondition = NonNullable<PolicySet['reviewers']>;

/** What a rule asks of its reviewers: what all must meet, and its own condition. */
export function reviewerCondition(
  all: Pick<ReviewerCondition, 'when'> | undefined,
  own: string | undefined,
): string | undefined {
  if (all === undefined) return own;
  return own === undefined ? all.when : allOf(all.when, own);
}

/** The requirement as its author wrote it: without what all reviewers must meet. */
export function ownRequirement(
  require: RuleRequirement,
  all: Pick<ReviewerCondition, 'when'> | undefined,
): RuleRequirement {
  const { reviewer_when: combined, ...rest } = require;
  if (all === undefined || combined === undefined) return require;
  if (combined === all.when) return rest;
  const inner = combined.slice(allOf(all.when, '').length - ')'.length, -')'.length);
  // With a comment in it, a line break was put behind it.
  const own = [inner, inner.replace(/\n$/, '')].find((text) => allOf(all.when, text) === combined);
  return own === undefined ? require : { ...rest, reviewer_when: own };
}

/** The rules of a policy as their authors wrote them. */
export function ownRules({ rules, reviewers }: Pick<PolicySet, 'rules' | 'reviewers'>): readonly Rule[] {
  if (reviewers === undefined) return rules;
  return rules.map((rule) =>
    rule.require === null ? rule : { ...rule, require: ownRequirement(rule.require, reviewers) },
  );
}

/** True where the new condition accepts nobody whom the old one did not accept, for the same reason or where there was none. */
export function isNarrower(
  old: ReviewerCondition | undefined,
  fresh: ReviewerCondition | undefined,
): boolean {
  if (fresh === undefined) return old === undefined;
  if (old === undefined) return true;
  return digestOf(old.because) === digestOf(fresh.because) && asksForAllOf(fresh.when, old.when);
}
