import type { Directory } from '../identity/directory.ts';
import type { PolicySet, Rule } from '../policy/policy.ts';
import { selectorsOfRule, type Selector } from '../request/requirement.ts';
import { isNamed } from './seats.ts';

/** Which rules ask somebody, and by which of their selectors. Owners and people on call are named by no selector alone. */
export function rulesNaming(
  { rules }: Pick<PolicySet, 'rules'>,
  directory: Directory,
  person: string,
): readonly { readonly rule: Rule; readonly by: readonly Selector[] }[] {
  return rules
    .map((rule) => ({ rule, by: selectorsNaming(rule, directory, person) }))
    .filter(({ by }) => by.length > 0);
}

function selectorsNaming({ require }: Rule, directory: Directory, person: string): readonly Selector[] {
  if (require === null) return [];
  return [...new Set(selectorsOfRule(require))].filter((one) => isNamed([one], directory, person));
}

/** Ids of the targets that a person owns by a selector of policy. */
export function targetsOwnedBy(
  { targets }: Pick<PolicySet, 'targets'>,
  directory: Directory,
  person: string,
): readonly string[] {
  return targets
    .filter(({ owners }) => isNamed(owners as readonly Selector[], directory, person))
    .map(({ id }) => id);
}
