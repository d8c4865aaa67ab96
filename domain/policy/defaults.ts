import type { RuleRequirement } from '../request/requirement.ts';
import type { PolicyFacts } from './built-in-facts.ts';
import {
  isOwnAction,
  isResolveAction,
  isReviewAction,
  type ActionDefinition,
  type PolicySet,
} from './policy.ts';

/** What becomes of an action where no rule matches. */
export function defaultEffect(policy: PolicySet, action: ActionDefinition): 'review' | 'forbid' {
  if (isOwnAction(action.action)) return 'review';
  return action.fallback === 'forbid' ? 'forbid' : policy.defaults.effect;
}

/** The same, and whom it asks unless a rule replaces that. */
export function defaultOf(policy: PolicySet, action: ActionDefinition): PolicySet['defaults'] {
  return { effect: defaultEffect(policy, action), require: defaultRequirement(policy, action) };
}

/** Changes to Keyturn itself are for its operators to review; where policy names none, for whom it names otherwise. */
export function defaultRequirement(policy: PolicySet, action: ActionDefinition): RuleRequirement {
  const { require } = policy.defaults;
  const { operators = [] } = policy;
  if (!isOwnAction(action.action)) return require;
  const isAfterwards = isReviewAction(action.action) || isResolveAction(action.action);
  const terms = isAfterwards ? AFTERWARDS_TERMS : {};
  if (operators.length === 0) return { ...require, ...terms };
  return { ...require, ...terms, stages: [{ any: operators, quorum: 1, escalate: [] }] };
}

/** What happened is judged in words, and within three days. */
const AFTERWARDS_TERMS = { expires_ms: 72 * 3_600_000, is_reason_required: true };

/**
 * A floor that no policy moves: what may loosen policy takes two different people, and so does what is not known yet. The
 * review of break-glass changes nothing: one person decides it. The outcome of an action is reported by two people, of whom
 * the requester is the first, unless that is an agent.
 */
export function peopleFloor(action: ActionDefinition, facts: PolicyFacts): number {
  if (!isOwnAction(action.action)) return 0;
  if (isReviewAction(action.action)) return 1;
  if (isResolveAction(action.action)) return facts.request.agent === '' ? 1 : 2;
  return facts.plan?.is_loosening === false ? 1 : 2;
}
