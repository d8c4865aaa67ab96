import { defaultOf } from '../policy/defaults.ts';
import { actionOf, isOwnAction, type ActionDefinition, type PolicySet, type Rule } from '../policy/policy.ts';
import { selectorsOfRule, type Selector } from '../request/requirement.ts';
import { readersWithoutRequirement } from '../policy/visibility.ts';

/**
 * True when an added review rule, neither replacing nor break-glass, shows a plan to nobody who could not read it before,
 * whatever the facts. Selectors are compared by name, conditions by their text, and what cannot be compared counts as
 * shown.
 */
export function showsNothingNew(base: PolicySet, rule: Rule): boolean {
  return rule.on.action.every((name) => {
    const action = actionOf(base, name);
    return action !== undefined && casesOf(base, action, rule).every(isAmongReaders);
  });
}

/** Who reads the plan of a request of some kind, before the rule is added and after. */
interface Case {
  readonly before: readonly Selector[];
  readonly after: readonly Selector[];
}

function isAmongReaders({ before, after }: Case): boolean {
  return after.every((selector) => before.includes(selector));
}

/**
 * The kinds of request with the fewest readers, among those that the rule is about: whatever else the base says of one
 * adds readers before and after alike, or forbids it both times. A break-glass path is not among them: taken, it leaves
 * the rule aside.
 */
function casesOf(base: PolicySet, action: ActionDefinition, rule: Rule): readonly Case[] {
  const on = { ...rule.on, action: [action.action] };
  const near = base.rules.filter((other) => !other.break_glass && overlaps(other.on, on));
  const reviews = near.filter(({ effect }) => effect === 'review');
  const always = reviews.filter((other) => isAbout(other.on, on) && isImplied(other, rule));
  const isReviewed = always.length > 0;
  const [known, own] = [always.flatMap(selectorsOf), selectorsOf(rule)];
  const { effect, require } = defaultOf(base, action);
  const usual = selectorsOfRule(require);
  const replaced = reviews.filter((other) => other.replaces_default && other.require !== null);
  const cases = replaced.map((other) => ({ before: [...known, ...selectorsOf(other)], after: own }));
  // What is forbidden unless a rule replaces the default stays forbidden without one.
  if (effect === 'forbid') return cases;
  const byDefault = { before: [...known, ...usual], after: own };
  if (isReviewed || !near.some((other) => isAllowing(other, action))) return [...cases, byDefault];
  const allowed = { before: readersWithoutRequirement(base), after: [...own, ...usual] };
  return [...cases, byDefault, allowed];
}

function selectorsOf({ require }: Rule): readonly Selector[] {
  return require === null ? [] : selectorsOfRule(require);
}

/** True where the other rule acts whenever the rule does. */
function isImplied(other: Rule, rule: Rule): boolean {
  return other.when === undefined || other.when === rule.when;
}

/** What Keyturn does to itself is never allowed outright. */
function isAllowing({ effect }: Rule, { action }: ActionDefinition): boolean {
  return effect === 'allow' && !isOwnAction(action);
}

/** True where the first is about all that the second is about. */
function isAbout(wide: Rule['on'], on: Rule['on']): boolean {
  return ofEach(on, wide, isAmong);
}

type Names = readonly string[] | null;

function ofEach(left: Rule['on'], right: Rule['on'], holds: (left: Names, right: Names) => boolean): boolean {
  return (
    holds(left.action, right.action) &&
    holds(left.env, right.env) &&
    holds(left.target ?? null, right.target ?? null)
  );
}

/** A list that is absent has everything. */
function isAmong(names: Names, all: Names): boolean {
  return all === null || (names !== null && names.every((name) => all.includes(name)));
}

/** True unless nothing can be what both are about. */
function overlaps(left: Rule['on'], right: Rule['on']): boolean {
  return ofEach(left, right, sharesNames);
}

/** True unless both are lists without a name in common: a list that is absent has everything. */
export function sharesNames(left: Names, right: Names): boolean {
  return left === null || right === null || left.some((name) => right.includes(name));
}
