import { Expression } from './expressions/expression.ts';
import type { ActionDefinition, PolicySet, Rule, Target } from './policy.ts';
import { riskFactTypes, type FactTypes } from './policy-facts.ts';
import type { RiskLine } from './risk.ts';

/** A rule with its condition, ready to be asked. */
export interface IndexedRule {
  readonly rule: Rule;
  /** Null when the rule matches whenever its action, environment and target do. */
  readonly condition: Expression | null;
}

/** A line of the risk policy with its condition. */
export interface IndexedRiskLine {
  readonly line: RiskLine;
  readonly condition: Expression;
}

/**
 * A policy by what is asked of it: action, environment, target. However many rules there are, an evaluation only looks
 * at those that can match. Conditions are parsed when they are first asked, so taking a new policy in use costs nothing.
 */
export class PolicyIndex {
  readonly #policy: PolicySet;
  readonly #byAction = new Map<string, readonly IndexedRule[]>();
  readonly #candidates = new Map<string, readonly IndexedRule[]>();
  readonly #types = new Map<ActionDefinition, FactTypes>();
  #riskLines: readonly IndexedRiskLine[] | null = null;

  constructor(policy: PolicySet) {
    this.#policy = policy;
  }

  /** The rules that can match, in the order of the files. */
  candidates(action: string, target: Target): readonly IndexedRule[] {
    const key = JSON.stringify([action, target.environment, target.id]);
    const known = this.#candidates.get(key);
    if (known) return known;
    const found = this.#rulesOn(action).filter(({ rule: { on } }) => isOn(on, target));
    // Actions and targets come from the catalogue, so the map is no larger than that.
    this.#candidates.set(key, found);
    return found;
  }

  #rulesOn(action: string): readonly IndexedRule[] {
    const known = this.#byAction.get(action);
    if (known) return known;
    const found = this.#policy.rules
      .filter((rule) => rule.on.action.includes(action))
      .map((rule) => ({ rule, condition: rule.when === undefined ? null : new Expression(rule.when) }));
    this.#byAction.set(action, found);
    return found;
  }

  /** What conditions about an action of the catalogue may read, `risk` excepted. */
  typesOf(action: ActionDefinition): FactTypes {
    const known = this.#types.get(action);
    if (known) return known;
    const types = riskFactTypes(this.#policy, action);
    this.#types.set(action, types);
    return types;
  }

  get riskLines(): readonly IndexedRiskLine[] {
    this.#riskLines ??= this.#policy.risk.lines.map((line) => ({
      line,
      condition: new Expression(line.when),
    }));
    return this.#riskLines;
  }
}

function isOn(on: Rule['on'], target: Target): boolean {
  const isEnvironment = on.env === null || on.env.includes(target.environment);
  return isEnvironment && (on.target === undefined || on.target === null || on.target.includes(target.id));
}

/** One index a policy, as long as the policy is in memory. */
const INDEXES = new WeakMap<PolicySet, PolicyIndex>();

/** The index of a policy, made once. Policies never change, so neither does an index. */
export function indexOf(policy: PolicySet): PolicyIndex {
  const known = INDEXES.get(policy);
  if (known) return known;
  const made = new PolicyIndex(policy);
  INDEXES.set(policy, made);
  return made;
}
