import { possibleOwners } from '../approval/owners.ts';
import type { PolicySet } from '../policy/policy.ts';
import { selectorsOfRule, type Selector } from '../request/requirement.ts';
import { Reviewers } from '../approval/reviewers.ts';

/** Who may decide for a selector by the candidate's directory and not by the base's, and the other way round. */
export interface SelectorChange {
  readonly selector: Selector;
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/**
 * The selectors that both policies ask, and whose active people differ: what a change of the directory does to those who
 * decide. Of groups whose members another authority brings nothing is known.
 */
export function selectorChanges(base: PolicySet, candidate: PolicySet): readonly SelectorChange[] {
  const [before, after] = [new Reviewers(base), new Reviewers(candidate)];
  const selected = selectorsOf(candidate);
  const selectors = [...selectorsOf(base)].filter((selector) => selected.has(selector)).sort();
  return selectors.flatMap((selector) => {
    const [old, fresh] = [before.peopleOf(selector), after.peopleOf(selector)];
    if (!old || !fresh) return [];
    const joined = [...fresh].filter((person) => !old.has(person)).sort();
    const left = [...old].filter((person) => !fresh.has(person)).sort();
    return joined.length + left.length === 0 ? [] : [{ selector, joined, left }];
  });
}

/** Owners, operators and auditors are named elsewhere; they stand here as what they stand for. */
function selectorsOf(policy: PolicySet): ReadonlySet<Selector> {
  const { defaults, rules, actions, targets, operators = [], auditors = [] } = policy;
  const selected = [defaults.require, ...rules.flatMap(({ require }) => require ?? [])].flatMap(
    selectorsOfRule,
  );
  const owning = actions.flatMap((action) => possibleOwners(policy, action, targets));
  const owners = [...targets, ...owning].flatMap((entry) => entry.owners as readonly Selector[]);
  const named = [...selected, ...owners, ...operators, ...auditors];
  return new Set(named.filter((selector) => selector !== 'owners'));
}
