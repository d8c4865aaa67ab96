import type { FreezeWindow } from '../calendar/freeze.ts';
import { Expression } from '../conditions/expression.ts';
import type { PolicySet, Rule } from '../policy/policy.ts';
import { sharesNames } from './readers.ts';

/**
 * True when a freeze that is added only holds back: no condition reads whether there is one, and nothing that it covers is
 * allowed outright, so that nobody is asked, or reads a plan, because of it.
 */
export function onlyHoldsBack(freeze: FreezeWindow, policies: readonly PolicySet[]): boolean {
  const isKnown = Object.keys(freeze).sort().join(' ') === KNOWN_FIELDS;
  return (
    isKnown &&
    policies.every(
      (policy) =>
        !conditionsOf(policy).some(readsFreeze) &&
        !policy.rules.some((rule) => rule.effect === 'allow' && isCovered(rule.on, freeze)),
    )
  );
}

/** A field that is not among these may mean anything. */
const KNOWN_FIELDS = 'actions environments from id title to';

function conditionsOf({ rules, risk }: PolicySet): readonly string[] {
  return [...rules.flatMap(({ when }) => when ?? []), ...risk.lines.map(({ when }) => when)];
}

/** What reads a calendar without saying which fact of it may read any. */
function readsFreeze(condition: string): boolean {
  return new Expression(condition).factPaths.some(([root, ...rest]) => {
    if (root !== 'calendar' && root !== 'calendars') return false;
    return rest.length < (root === 'calendar' ? 1 : 2) || rest.at(-1) === 'freeze';
  });
}

function isCovered({ action, env }: Rule['on'], { actions, environments }: FreezeWindow): boolean {
  return sharesNames(action, actions) && sharesNames(env, environments);
}
