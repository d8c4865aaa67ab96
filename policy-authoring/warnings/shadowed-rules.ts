import {
  isOwnAction,
  isReviewAction,
  OWN_TARGET,
  type PolicySet,
  type Rule,
} from '../../domain/policy/policy.ts';
import { quote } from '../../domain/conditions/did-you-mean.ts';
import type { PolicyWarning } from './warning.ts';

/**
 * Rules that can never decide anything: whatever they match, unconditional forbid rules forbid as well, or, for an allow
 * rule, unconditional review rules review. Derived from where rules apply, without looking at any condition.
 */
export function shadowedRules(policy: PolicySet): readonly PolicyWarning[] {
  const entries = policy.rules.map((rule, order) => ({ rule, order, scopes: scopesOf(rule, policy) }));
  const unconditional = entries.filter(({ rule }) => rule.when === undefined && rule.effect !== 'allow');
  return entries.flatMap((entry) => {
    const [done, shadows] = shadowsOver(entry, unconditional);
    if (shadows.length === 0) return [];
    const { id, source } = entry.rule;
    const names = shadows.map(({ rule }) => quote(rule.id)).join(' and ');
    const message = `decides nothing: wherever it applies, all is ${done} by ${names}, without a condition`;
    return [{ code: 'rule_shadowed' as const, rule: id, source, path: ['id'], message }];
  });
}

interface Entry {
  readonly rule: Rule;
  readonly order: number;
  readonly scopes: ReadonlySet<string>;
}

function shadowsOver(entry: Entry, unconditional: readonly Entry[]): readonly [string, readonly Entry[]] {
  const forbids = unconditional.filter((other) => forbidsAll(other, entry) && isStronger(other, entry));
  const covering = coverOf(entry, forbids);
  if (covering.length > 0 || entry.rule.effect !== 'allow') return ['forbidden', covering];
  const reviews = unconditional.filter(({ rule }) => rule.effect === 'review' && !rule.break_glass);
  return ['reviewed', coverOf(entry, reviews)];
}

/** On the break-glass path a forbid rule that yields does not shadow rules that do not yield. */
function forbidsAll({ rule: shadow }: Entry, { rule }: Entry): boolean {
  if (shadow.effect !== 'forbid' || shadow === rule) return false;
  const actsOnBreakGlass =
    rule.break_glass === true || (rule.effect === 'forbid' && !rule.yields_to_break_glass);
  return !shadow.yields_to_break_glass || !actsOnBreakGlass;
}

/** Of two unconditional forbid rules over the same, one is enough: the later one is reported. */
function isStronger(shadow: Entry, { rule, order, scopes }: Entry): boolean {
  if (rule.effect !== 'forbid' || rule.when !== undefined) return true;
  return shadow.order < order || (shadow.scopes.size > scopes.size && isWithin(scopes, shadow.scopes));
}

/** As few rules as needed, in the order of the files, whose scopes together contain the rule's; none if they do not. */
function coverOf({ scopes }: Entry, candidates: readonly Entry[]): readonly Entry[] {
  if (scopes.size === 0) return [];
  const single = candidates.find((candidate) => isWithin(scopes, candidate.scopes));
  if (single) return [single];
  const left = new Set(scopes);
  const cover = candidates.filter((candidate) => {
    const before = left.size;
    for (const scope of candidate.scopes) left.delete(scope);
    return left.size < before;
  });
  return left.size === 0 ? cover : [];
}

function isWithin(scopes: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return scopes.size <= others.size && [...scopes].every((scope) => others.has(scope));
}

/**
 * Where a rule applies, as one key for each action with each target and each environment. A rule that lists no targets also
 * applies to targets that nobody has added yet, so a list of all targets does not contain its scopes.
 */
function scopesOf({ on, effect }: Rule, policy: PolicySet): ReadonlySet<string> {
  const environmentOf = new Map(policy.targets.map(({ id, environment }) => [id, environment]));
  const scopes = new Set<string>();
  for (const action of on.action) {
    // A break-glass review is required whatever rules say.
    if (isReviewAction(action) && effect !== 'review') continue;
    const environments = isOwnAction(action) ? [OWN_TARGET] : policy.environments;
    for (const environment of environments.filter((name) => on.env?.includes(name) ?? true)) {
      const targets = [...environmentOf].filter(([, scope]) => scope === environment).map(([id]) => id);
      for (const target of targets.filter((id) => on.target?.includes(id) ?? true))
        scopes.add(JSON.stringify([action, environment, target]));
      if (!on.target) scopes.add(JSON.stringify([action, environment]));
    }
  }
  return scopes;
}
