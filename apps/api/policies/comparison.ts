import { ruleInWords, requirementInWords } from '../../../domain/cards/rules.ts';
import { requirementWordsChanges, ruleWordsChanges } from '../../../domain/cards/rule-change.ts';
import { classifyChange, needsTwoPeople, type PolicyChange } from '../../../domain/policy-diff/diff.ts';
import { selectorChanges } from '../../../domain/policy-diff/people.ts';
import type { PolicySet, Rule } from '../../../domain/policy/policy.ts';
import { ownRequirement, ownRules } from '../../../domain/policy/reviewer-condition.ts';
import type { PolicyComparison } from '../../../contract/proposals.ts';

/** More of a kind are only counted: the lines of the files show all. */
const SHOWN_MAX = 200;

type Compared = Pick<
  PolicyComparison,
  'kind' | 'needs_two_people' | 'changes' | 'changes_count' | 'rules' | 'people'
>;

/** What leads from one policy to another, in words. */
export function comparedPolicies(base: PolicySet, candidate: PolicySet): Compared {
  const { kind, changes } = classifyChange(base, candidate);
  return {
    kind,
    needs_two_people: needsTwoPeople({ base, candidate }, kind),
    changes: changes.slice(0, SHOWN_MAX).map(({ because = null, ...change }) => ({ ...change, because })),
    changes_count: changes.length,
    rules: [...rulesOf(base, candidate, changes), ...defaultOf(base, candidate, changes)].slice(0, SHOWN_MAX),
    people: selectorChanges(base, candidate)
      .slice(0, SHOWN_MAX)
      .map(({ selector, joined, left }) => ({ selector, joined: [...joined], left: [...left] })),
  };
}

function rulesOf(
  base: PolicySet,
  candidate: PolicySet,
  changes: readonly PolicyChange[],
): Compared['rules'] {
  const [old, fresh] = [byId(base), byId(candidate)];
  return changes.flatMap(({ what, name, kind, how, source }) => {
    if (what !== 'rule' || name === null) return [];
    const [before, after] = [old.get(name), fresh.get(name)].map((rule) => (rule ? ruleInWords(rule) : null));
    const words = [...ruleWordsChanges(before ?? null, after ?? null)];
    // Where a rule stands in its file decides nothing.
    if (kind === 'neutral' && words.length === 0) return [];
    return [{ id: name, kind, how, source, scope: (after ?? before)?.scope ?? '', words }];
  });
}

function byId(policy: PolicySet): ReadonlyMap<string, Rule> {
  return new Map(ownRules(policy).map((rule) => [rule.id, rule]));
}

/** What holds where no rule says otherwise. */
function defaultOf(
  base: PolicySet,
  candidate: PolicySet,
  changes: readonly PolicyChange[],
): Compared['rules'] {
  const change = changes.find(({ what }) => what === 'defaults');
  if (!change) return [];
  const [before, after] = [base, candidate].map(({ defaults, reviewers }) =>
    requirementInWords(ownRequirement(defaults.require, reviewers)),
  );
  if (!before || !after) return [];
  const words = [
    ...(base.defaults.effect === candidate.defaults.effect
      ? []
      : [{ what: 'what it does' as const, before: EFFECT[base.defaults.effect], after: EFFECT[candidate.defaults.effect] }]),
    ...requirementWordsChanges(before, after),
  ];
  const { kind, how } = change;
  return [{ id: 'default', kind, how, source: null, scope: 'Where no rule acts', words }];
}

const EFFECT = { review: 'asks people', forbid: 'forbids' } as const;
