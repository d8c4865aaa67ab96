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
 * rule, unconditional review rules review. Told from where rules apply, without looking at any condition.
 */
export function shadowedRules(policy: PolicySet): readonly PolicyWarning[] {
  const entries = policy.rules.map((rule, order) => ({ rule, order, places: placesOf(rule, policy) }));
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
  readonly places: ReadonlySet<string>;
}

function shadowsOver(entry: Entry, unconditional: readonly Entry[]): readonly [string, readonly Entry[]] {
  const forbids = unconditional.filter((other) => forbidsAll(other, entry) && isStronger(other, entry));
  const covering = coverOf(entry, forbids);
  if (covering.length > 0 || entry.rule.effect !== 'allow') return ['forbidden', covering];
  const reviews = unconditional.filter(({ rule }) => rule.effect === 'review' && !rule.break_glass);
  return ['reviewed', coverOf(entry, reviews)];
}

/** On the path of emergencies a forbid rule that yields to it takes nothing from those who do not. */
function forbidsAll({ rule: shadow }: Entry, { rule }: Entry): boolean {
  if (shadow.effect !== 'forbid' || shadow === rule) return false;
  const isAskedInEmergencies =
    rule.break_glass === true || (rule.effect === 'forbid' && !rule.yields_to_break_glass);
  return !shadow.yields_to_break_glass || !isAskedInEmergencies;
}

/** Of two unconditional forbid rules over the same, one is enough: the later one is told. */
function isStronger(shadow: Entry, { rule, order, places }: Entry): boolean {
  if (rule.effect !== 'forbid' || rule.when !== undefined) return true;
  return shadow.order < order || (shadow.places.size > places.size && isWithin(places, shadow.places));
}

/** As few rules as needed, in the order of the files, whose places together hold all of the rule's; none if they do not. */
function coverOf({ places }: Entry, candidates: readonly Entry[]): readonly Entry[] {
  if (places.size === 0) return [];
  const single = candidates.find((candidate) => isWithin(places, candidate.places));
  if (single) return [single];
  const left = new Set(places);
  const cover = candidates.filter((candidate) => {
    const before = left.size;
    for (const place of candidate.places) left.delete(place);
    return left.size < before;
  });
  return left.size === 0 ? cover : [];
}

function isWithin(places: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return places.size <= others.size && [...places].every((place) => others.has(place));
}

/**
 * Where a rule applies, as one key for each action with each target and each environment. A rule that lists no targets also
 * applies to targets that nobody has added yet, so a list of all targets does not hold its places.
 */
function placesOf({ on, effect }: Rule, policy: PolicySet): ReadonlySet<string> {
  const environmentOf = new Map(policy.targets.map(({ id, environment }) => [id, environment]));
  const places = new Set<string>();
  for (const action of on.action) {
    // The review of an emergency takes place whatever rules say.
    if (isReviewAction(action) && effect !== 'review') continue;
    const environments = isOwnAction(action) ? [OWN_TARGET] : policy.environments;
    for (const environment of environments.filter((name) => on.env?.includes(name) ?? true)) {
      const targets = [...environmentOf].filter(([, place]) => place === environment).map(([id]) => id);
      for (const target of targets.filter((id) => on.target?.includes(id) ?? true))
        places.add(JSON.stringify([action, environment, target]));
      if (!on.target) places.add(JSON.stringify([action, environment]));
    }
  }
  return places;
}
