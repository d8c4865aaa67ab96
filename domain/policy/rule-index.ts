import { BoundedMap, oncePer, remembered } from '../once-per.ts';
import { Expression } from '../conditions/expression.ts';
import type { FactType } from '../conditions/fact-type.ts';
import { Binding } from '../conditions/binding.ts';
import type { FactPath } from '../conditions/reads.ts';
import type { ActionDefinition, PolicySet, Rule, Target } from './policy.ts';
import { riskFactTypes, type FactTypes } from './built-in-facts.ts';
import type { Requirement } from '../request/requirement.ts';
import { isLineAbout, type RiskLine } from './risk.ts';

/** A rule with its condition, ready to be asked. */
export interface IndexedRule {
  readonly rule: Rule;
  /** Null when the rule matches whenever its action, environment and target do. */
  readonly condition: Expression | null;
  /** Tells it apart from the other rules about its action. */
  readonly number: number;
}

/** A line of the risk policy with its condition. */
interface IndexedRiskLine {
  readonly line: RiskLine;
  readonly condition: Expression;
}

/** What an evaluation asks at one action and target. */
export interface RuleScope {
  /** The rules that can match, in the order of the files. */
  readonly rules: readonly IndexedRule[];
  /** The lines of the risk policy that are about it; `isLacking`: without naming the action it reads what that lacks. */
  readonly riskLines: readonly (IndexedRiskLine & { readonly isLacking: boolean })[];
  /** The variables that these lines read and that the action does not have. */
  readonly lacking: ReadonlySet<string>;
  /** Takes in the facts that these rules and the lines of the risk policy read: others need not be looked at. */
  readonly binding: Binding;
  /** The variables that they read. */
  readonly roots: readonly string[];
  /** Some of them read who asks, which may depend on what only the caller vouches for. */
  readonly readsRequester: boolean;
  /** What was demanded there so far, by what it was put together from: evaluations mostly come to the same few. */
  readonly requirements: Map<string, Requirement>;
}

const REQUIREMENTS_MAX = 256;

/** What is known of an action at a target. */
interface Entry {
  readonly rules: readonly IndexedRule[];
  scope: RuleScope | null;
}

/**
 * A policy by what is asked of it: action, environment, target. However many rules there are, an evaluation only looks
 * at those that can match. Conditions are parsed when they are first asked, so taking a new policy in use costs nothing.
 */
export class PolicyIndex {
  readonly #policy: PolicySet;
  readonly #byAction = new Map<string, readonly IndexedRule[]>();
  /** By action, environment and id of the target: these come from the catalogue, so the maps are no larger than that. */
  readonly #entries = new Map<string, Map<string, Map<string, Entry>>>();
  /** Many places read the same. */
  readonly #bindings = new Map<string, Binding>();
  readonly #types = new Map<ActionDefinition, FactTypes>();
  readonly #riskLines: readonly IndexedRiskLine[];

  constructor(policy: PolicySet) {
    this.#policy = policy;
    this.#riskLines = policy.risk.lines.map((line) => ({ line, condition: new Expression(line.when) }));
  }

  /** The rules that can match, in the order of the files. */
  candidates(action: string, target: Target): readonly IndexedRule[] {
    return this.#entryOf(action, target).rules;
  }

  #entryOf(action: string, target: Target): Entry {
    const byEnvironment = remembered(this.#entries, action, () => new Map<string, Map<string, Entry>>());
    const byId = remembered(byEnvironment, target.environment, () => new Map<string, Entry>());
    return remembered(byId, target.id, () => {
      return { rules: this.#rulesOn(action).filter(({ rule: { on } }) => isOn(on, target)), scope: null };
    });
  }

  /** What is asked there, and what has to be known for that. */
  scope(action: ActionDefinition, target: Target): RuleScope {
    const entry = this.#entryOf(action.action, target);
    entry.scope ??= this.#scopeOf(entry.rules, action, target);
    return entry.scope;
  }

  #scopeOf(rules: readonly IndexedRule[], action: ActionDefinition, target: Target): RuleScope {
    const types = this.typesOf(action);
    const lines = this.#riskLines.filter(({ line }) => isLineAbout(line, action.action, target.environment));
    const paths = [...rules, ...lines].flatMap(({ condition }) => condition?.factPaths ?? []);
    const lacks = (name: string): boolean => !Object.hasOwn(types, name);
    return {
      rules,
      riskLines: lines.map(({ line, condition }) => {
        return { line, condition, isLacking: line.on === undefined && [...condition.roots].some(lacks) };
      }),
      lacking: new Set(lines.flatMap(({ condition }) => [...condition.roots]).filter(lacks)),
      binding: this.#bindingOf(typesRead(types, paths)),
      roots: [...new Set(paths.map(([root = '']) => root))],
      readsRequester: paths.some(([root]) => root === 'request' || root === 'facts'),
      requirements: new BoundedMap(REQUIREMENTS_MAX),
    };
  }

  #bindingOf(types: FactTypes): Binding {
    return remembered(this.#bindings, JSON.stringify(types), () => new Binding(types));
  }

  #rulesOn(action: string): readonly IndexedRule[] {
    return remembered(this.#byAction, action, () =>
      this.#policy.rules
        .filter((rule) => rule.on.action.includes(action))
        .map((rule, number) => {
          return { rule, condition: rule.when === undefined ? null : new Expression(rule.when), number };
        }),
    );
  }

  /** What conditions about an action of the catalogue may read, `risk` excepted. */
  typesOf(action: ActionDefinition): FactTypes {
    return remembered(this.#types, action, () => riskFactTypes(this.#policy, action));
  }
}

/** The types without variables, and fields of objects, that no path leads to or through. */
function typesRead(types: FactTypes, paths: readonly FactPath[]): FactTypes {
  const read = Object.entries(types).flatMap(([name, type]) => {
    const below = pathsBelow(name, paths);
    return below.length === 0 ? [] : [[name, typeRead(type, below)] as const];
  });
  return Object.fromEntries(read);
}

function typeRead(type: FactType, paths: readonly FactPath[]): FactType {
  if (type.kind !== 'object' || paths.some((path) => path.length === 0)) return type;
  const fields = Object.entries(type.fields).flatMap(([name, field]) => {
    const below = pathsBelow(name, paths);
    return below.length === 0 ? [] : [[name, { ...field, type: typeRead(field.type, below) }] as const];
  });
  return { ...type, fields: Object.fromEntries(fields) };
}

function pathsBelow(name: string, paths: readonly FactPath[]): readonly FactPath[] {
  return paths.filter(([first]) => first === name).map((path) => path.slice(1));
}

function isOn(on: Rule['on'], target: Target): boolean {
  const isEnvironment = on.env === null || on.env.includes(target.environment);
  return isEnvironment && (on.target === undefined || on.target === null || on.target.includes(target.id));
}

/** The index of a policy, made once. Policies never change, so neither does an index. */
export const indexOf = oncePer((policy: PolicySet) => new PolicyIndex(policy));
