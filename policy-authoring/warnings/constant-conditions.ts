import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import { Expression } from '../../domain/conditions/expression.ts';
import { bindFacts } from '../../domain/conditions/binding.ts';
import type { FactType } from '../../domain/conditions/fact-type.ts';
import { type FactPath } from '../../domain/conditions/reads.ts';
import { actionOf, isOwnAction, OWN_TARGET, type PolicySet, type Rule } from '../../domain/policy/policy.ts';
import { riskFactTypes, ruleFactTypes, type FactTypes } from '../../domain/policy/built-in-facts.ts';
import { cellsOf, factFieldAt, harmlessValues, setAt, type Axis } from '../grid-cells.ts';
import { comparedFacts, type ComparedFact, type Literal } from './decidable.ts';
import { inRule, inSettings, type PolicyWarning, type WarningLocation } from './warning.ts';

/** Conditions with more combinations are not checked: the absence of a warning proves nothing. */
const CELLS_MAX = 2_000;

/** For all conditions of a policy together: beyond it nothing is checked, so that no policy takes long. */
const CELLS_OF_POLICY_MAX = 50_000;

/**
 * Conditions of rules and of the risk policy that are true, or false, whatever the facts are. Only of conditions that compare
 * facts with literals is this certain; others are not checked.
 */
export function constantConditions(policy: PolicySet): readonly PolicyWarning[] {
  const budget = { cells: CELLS_OF_POLICY_MAX };
  const lines = policy.risk.lines.flatMap(({ when }, index) => {
    const types = policy.actions.map((action) => riskFactTypes(policy, action));
    return warningOf(constantOf(when, types, budget), inSettings('risk', 'lines', index, 'when'));
  });
  const rules = policy.rules.flatMap((rule) =>
    warningOf(constantOfRule(policy, rule, budget), inRule(rule, 'when')),
  );
  return [...lines, ...rules];
}

/** True for a rule that certainly matches wherever it applies: it has no condition, or one that is always true. */
export function matchesAlways(policy: PolicySet, rule: Rule): boolean {
  return rule.when === undefined || constantOfRule(policy, rule, { cells: CELLS_MAX }) === true;
}

/** Null without a condition, too. */
function constantOfRule(policy: PolicySet, rule: Rule, budget: { cells: number }): boolean | null {
  if (rule.when === undefined) return null;
  const types = rule.on.action.flatMap((action) => scopedTypes(policy, rule, action));
  return constantOf(rule.when, types, budget);
}

function warningOf(constant: boolean | null, location: WarningLocation): readonly PolicyWarning[] {
  if (constant === null) return [];
  const message = `always ${constant}, whatever the facts are`;
  return [{ ...location, code: 'condition_constant', message }];
}

/** What the rule can see: only its own environments, and its own targets. */
function scopedTypes(policy: PolicySet, { on }: Rule, name: string): readonly FactTypes[] {
  const action = actionOf(policy, name);
  if (!action) return [];
  const types = ruleFactTypes(policy, action);
  const resource = types['resource'];
  const known = isOwnAction(name) ? [OWN_TARGET] : policy.environments;
  const environments = known.filter((environment) => on.env?.includes(environment) ?? true);
  if (resource?.kind !== 'object' || environments.length === 0) return [types];
  const word = (allowed: readonly string[]): FactType => ({ kind: 'string', enum: allowed });
  const narrowed = {
    ...resource.fields,
    env: { type: word(environments), optional: false },
    ...(on.target ? { id: { type: word(on.target), optional: false } } : {}),
  };
  return [{ ...types, resource: { kind: 'object', fields: narrowed } }];
}

/** The one outcome for all facts of all these types, or null if there are two, or it is not certain. */
function constantOf(
  condition: string,
  types: readonly FactTypes[],
  budget: { cells: number },
): boolean | null {
  const compared = comparedFacts(condition);
  if (compared === null) return null;
  const expression = new Expression(condition);
  // A line of the risk policy says nothing of actions that lack its facts.
  const relevant = types.filter((known) => [...expression.roots].every((root) => Object.hasOwn(known, root)));
  const outcomes = new Set<string>();
  for (const known of relevant) {
    if (!evaluateAll(expression, { compared, types: known, budget }, outcomes)) return null;
  }
  const [only] = outcomes;
  return outcomes.size === 1 && (only === 'true' || only === 'false') ? only === 'true' : null;
}

interface Question {
  readonly compared: readonly ComparedFact[];
  readonly types: FactTypes;
  readonly budget: { cells: number };
}

/** False if it is not certain: there are too many cases, or a fact is of a type that has no boundaries. */
function evaluateAll(
  expression: Expression,
  { compared, types, budget }: Question,
  outcomes: Set<string>,
): boolean {
  const axes = compared.map(({ path, literals }) => axisOf(types, path, literals));
  if (axes.some((axis) => axis === null)) return false;
  const known = axes.filter((axis) => axis !== null);
  const cells = known.reduce((product, { values }) => product * values.length, 1);
  if (cells > CELLS_MAX || cells > budget.cells) return false;
  budget.cells -= cells;
  for (const cell of cellsOf(known)) {
    const values = harmlessValues(types);
    for (const { path, value } of cell.values()) setAt(values, path, value);
    outcomes.add(expression.evaluate(bindFacts(types, values)).kind);
    if (outcomes.size > 1) return true;
  }
  return true;
}

function axisOf(types: FactTypes, path: FactPath, literals: readonly Literal[]): Axis | null {
  const field = factFieldAt(types, path);
  // Inside of something that may be absent, a field has more ways to be missing than one.
  const isInside = path.some((_, end) => end > 0 && factFieldAt(types, path.slice(0, end))?.optional);
  const values = field && !isInside && boundaryValues(field.type, path, literals);
  if (!field || !values) return null;
  return { path, values: field.optional ? [undefined, ...values] : values };
}

/** A value in each range between literals, and each literal; null for types of which no list can stand for all values. */
function boundaryValues(
  type: FactType,
  path: FactPath,
  literals: readonly Literal[],
): readonly JsonValue[] | null {
  switch (type.kind) {
    case 'bool':
      return [false, true];
    case 'string':
      return wordsAround(type.enum, literals);
    case 'int':
      return numbersAround(literals, boundsOf(path));
    case 'double':
      return numbersAround(literals, null);
    case 'list':
    case 'map':
    case 'object':
    case 'any':
      return null;
  }
}

/** Longer enums are not checked. */
const WORDS_MAX = 50;

/** Words may be compared by order, too: one right behind each, and one behind all. */
function wordsAround(
  allowed: readonly string[] | null,
  literals: readonly Literal[],
): readonly string[] | null {
  if (allowed !== null) return allowed.length <= WORDS_MAX ? allowed : null;
  const named = literals.filter((literal) => typeof literal === 'string');
  return [...new Set(['', ...named, ...named.map((word) => `${word}\u0000`), '\uFFFD\uFFFD'])];
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

const COUNT: Bounds = { min: 0, max: Number.MAX_SAFE_INTEGER };
const CLOCK: Readonly<Record<string, Bounds>> = {
  weekday: { min: 1, max: 7 },
  hour: { min: 0, max: 23 },
  minute: { min: 0, max: 59 },
};

/** What the server counts is never negative, and clocks have their numbers. Arguments may be anything. */
function boundsOf(path: FactPath): Bounds {
  const [root = ''] = path;
  if (root === 'calendar' || root === 'calendars') return CLOCK[path.at(-1) ?? ''] ?? COUNT;
  return root === 'args' ? { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER } : COUNT;
}

function numbersAround(literals: readonly Literal[], bounds: Bounds | null): readonly number[] {
  const named = literals.filter((literal) => typeof literal === 'number').sort((left, right) => left - right);
  const around = named.flatMap((one, index) => {
    const next = named[index + 1];
    return bounds ? [one - 1, one, one + 1] : [one, ...(next === undefined ? [] : [(one + next) / 2])];
  });
  const ends = bounds ? [bounds.min, bounds.max] : [(named[0] ?? 0) - 1, (named.at(-1) ?? 0) + 1];
  const isWithin = (value: number): boolean => !bounds || (value >= bounds.min && value <= bounds.max);
  // JSON and the engine know no negative zero, which 0 + -0 is not.
  return [...new Set([...ends, ...around.filter(isWithin)])].map((value) => 0 + value);
}
