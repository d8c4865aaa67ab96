import type { RuleEffect } from '../policy/policy.ts';

/** The code of what a kill switch stopped. */
export const SWITCHED_OFF = 'switched_off';

/**
 * The rules that deny a request which policy denied. Rules that ask people stay matched when something else stops it, and
 * a rule whose effect is not known is named rather than kept quiet about.
 */
export function denyingRules<Rule extends { readonly effect?: RuleEffect | undefined }>(
  rules: readonly Rule[],
): Rule[] {
  return rules.filter(({ effect = 'forbid' }) => effect === 'forbid');
}
