import { doubtsAbout } from '../../domain/conditions/check.ts';
import { knownNamesOf, namedReviewerTypes } from '../../domain/policy/known-names.ts';
import { OWN_ACTIONS, type PolicySet } from '../../domain/policy/policy.ts';
import { ruleFactTypes, type FactTypes } from '../../domain/policy/built-in-facts.ts';
import { ownRequirement, ownRules } from '../../domain/policy/reviewer-condition.ts';
import { inRule, inSettings, type PolicyWarning, type WarningLocation } from './warning.ts';

/**
 * Names in conditions that the policy does not know, where it need not know all: people whom an identity provider brings,
 * and arguments. Where the policy knows all names, a wrong one is a mistake when it is loaded.
 */
export function doubtfulNames(policy: PolicySet): readonly PolicyWarning[] {
  const addNames = knownNamesOf(policy);
  const types = new Map(
    [...policy.actions, ...OWN_ACTIONS].map((action) => [
      action.action,
      addNames(ruleFactTypes(policy, action), action),
    ]),
  );
  const { groups, people } = policy.directory;
  const reviewers = [
    namedReviewerTypes({ groups: groups.map(({ id }) => id), people: people.map(({ id }) => id) }),
  ];
  return [
    ...policy.risk.lines.flatMap(({ on, when }, index) =>
      warningsOf(when, of(types, on?.action), inSettings('risk', 'lines', index, 'when')),
    ),
    ...warningsOf(policy.reviewers?.when, reviewers, inSettings('reviewers', 'when')),
    ...warningsOf(
      ownRequirement(policy.defaults.require, policy.reviewers).reviewer_when,
      reviewers,
      inSettings('defaults', 'require', 'reviewer', 'when'),
    ),
    ...ownRules(policy).flatMap((rule) => [
      ...warningsOf(rule.when, of(types, rule.on.action), inRule(rule, 'when')),
      ...warningsOf(rule.require?.reviewer_when, reviewers, inRule(rule, 'require', 'reviewer', 'when')),
    ]),
  ];
}

function of(types: ReadonlyMap<string, FactTypes>, actions?: readonly string[]): readonly FactTypes[] {
  const names = actions ?? [...types.keys()];
  return names.map((action) => types.get(action)).filter((known) => known !== undefined);
}

function warningsOf(
  condition: string | undefined,
  types: readonly FactTypes[],
  location: WarningLocation,
): readonly PolicyWarning[] {
  if (condition === undefined) return [];
  const doubts = types.flatMap((facts) => doubtsAbout(condition, facts));
  const messages = new Set(doubts.map(({ message }) => message));
  return [...messages].map((message) => ({ ...location, code: 'name_unknown', message }));
}
