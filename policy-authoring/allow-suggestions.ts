import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import type { FactField } from '../domain/conditions/fact-type.ts';
import { pathText, type FactPath } from '../domain/conditions/reads.ts';
import type { BacktestRecord } from './backtest-side.ts';
import { isOwnAction, targetOf, type PolicySet } from '../domain/policy/policy.ts';
import { ruleFactTypes, type StoredFacts } from '../domain/policy/built-in-facts.ts';

/** An allow rule that history would support. It is only a suggestion: nothing is ever allowed because of it. */
export interface AllowSuggestion {
  readonly action: string;
  readonly environment: string;
  readonly target: string;
  readonly approved: number;
  /** Review rules that matched these requests: while they match, they override the suggested rule. */
  readonly reviewed_by: readonly string[];
  /** The rule, ready for a file under `rules/`. */
  readonly yaml: string;
}

type Outcome = Pick<BacktestRecord, 'outcome' | 'has_failed'> & { readonly facts: StoredFacts };

/** Fewer approvals than this say nothing about the next request. */
const APPROVALS_MIN = 10;

/** A longer condition would not be accepted. */
const CONDITION_LENGTH_MAX = 2_048;

interface Group {
  readonly action: string;
  readonly environment: string;
  readonly target: string;
  /** By path, what was seen of the facts that a condition can bound. */
  readonly observed: ReadonlyMap<string, ObservedFact>;
  readonly agents: Set<string>;
  readonly reviewers: Set<string>;
  approved: number;
  isClean: boolean;
}

/**
 * What people said about each action on each target, in the environment it is in. One refusal, one expiry, one failure, one
 * risky request, one unknown fact spoils a group.
 */
export class AllowHistory {
  readonly #policy: PolicySet;
  readonly #groups = new Map<string, Group>();

  constructor(policy: PolicySet) {
    this.#policy = policy;
  }

  add(record: Outcome, evaluation: Evaluation): void {
    const { facts, outcome, has_failed: hasFailed = false } = record;
    if (isOwnAction(facts.action) || evaluation.effect === 'allow') return;
    const group = this.#groupOf(facts);
    if (!group) return;
    if (outcome === 'denied' || hasFailed || !isHarmless(facts, evaluation)) group.isClean = false;
    if (outcome === 'approved') note(group, facts, evaluation);
  }

  suggestions(): readonly AllowSuggestion[] {
    return [...this.#groups.values()]
      .filter(({ isClean, approved }) => isClean && approved >= APPROVALS_MIN)
      .flatMap((group) => suggestionOf(group, this.#policy))
      .sort((left, right) => right.approved - left.approved || (left.yaml < right.yaml ? -1 : 1));
  }

  /** Undefined for what the policy no longer knows. */
  #groupOf({ action, target }: StoredFacts): Group | undefined {
    const key = JSON.stringify([action, target]);
    const known = this.#groups.get(key);
    if (known) return known;
    const environment = targetOf(this.#policy, target)?.environment;
    const observed = observedFacts(this.#policy, action);
    if (environment === undefined || !observed) return undefined;
    const started = { agents: new Set<string>(), reviewers: new Set<string>(), approved: 0, isClean: true };
    const group = { action, environment, target, observed, ...started };
    this.#groups.set(key, group);
    return group;
  }
}

/** What was seen of one fact over many requests, as a condition that holds for all of them and for little else. */
class ObservedFact {
  readonly #path: FactPath;
  readonly #field: FactField;
  readonly #read: (facts: StoredFacts) => JsonValue | undefined;
  readonly #words = new Set<string>();
  readonly #flags = new Set<boolean>();
  #max: number | null = null;
  #isAbsentOnce = false;
  #isPresentOnce = false;

  constructor(path: FactPath, field: FactField, read: (facts: StoredFacts) => JsonValue | undefined) {
    this.#path = path;
    this.#field = field;
    this.#read = read;
  }

  see(facts: StoredFacts): void {
    const value = this.#read(facts);
    if (value === undefined) this.#isAbsentOnce = true;
    else this.#isPresentOnce = true;
    if (typeof value === 'number') this.#max = Math.max(this.#max ?? value, value);
    if (typeof value === 'string') this.#words.add(value);
    if (typeof value === 'boolean') this.#flags.add(value);
  }

  /** The condition, or null where there is nothing to bound: any text, any list, or a flag that was seen both ways. */
  bound(): string | null {
    const path = pathText(this.#path);
    if (!this.#isPresentOnce) return this.#field.optional ? `!has(${path})` : null;
    const bound = this.#boundOf(path);
    if (bound === null || !this.#field.optional) return bound;
    return this.#isAbsentOnce ? `(!has(${path}) || ${bound})` : `has(${path}) && ${bound}`;
  }

  #boundOf(path: string): string | null {
    const { type } = this.#field;
    if (type.kind === 'int') return this.#max === null ? null : `${path} <= ${this.#max}`;
    if (type.kind === 'string' && type.enum !== null)
      return `${path} in [${[...this.#words]
        .sort()
        .map((word) => JSON.stringify(word))
        .join(', ')}]`;
    if (type.kind !== 'bool' || this.#flags.size !== 1) return null;
    return this.#flags.has(true) ? path : `!${path}`;
  }
}

/** What a condition can bound: the numbers of a plan, and arguments with a number, a flag or one of a few words. */
function observedFacts(policy: PolicySet, name: string): ReadonlyMap<string, ObservedFact> | undefined {
  const action = policy.actions.find((candidate) => candidate.action === name);
  if (!action) return undefined;
  const { args } = ruleFactTypes(policy, action);
  const number: FactField = { type: { kind: 'int' }, optional: false };
  const plan =
    action.connector === null ? [] : ['rows', 'resources'].map((field) => ['plan', field, number] as const);
  const fields = args?.kind === 'object' ? Object.entries(args.fields) : [];
  const argumentFacts = fields.map(([field, type]) => ['args', field, type] as const);
  return new Map(
    [...plan, ...argumentFacts].map(([root, field, type]) => [
      pathText([root, field]),
      new ObservedFact([root, field], type, (facts) => valueAt(facts, root, field)),
    ]),
  );
}

function valueAt({ args, plan }: StoredFacts, root: 'args' | 'plan', field: string): JsonValue | undefined {
  if (root === 'args') return Object.hasOwn(args, field) ? args[field] : undefined;
  return field === 'rows' ? plan?.rows_changed : plan?.resources_changed;
}

function note(group: Group, facts: StoredFacts, { rules }: Evaluation): void {
  group.approved += 1;
  group.agents.add(facts.request.agent);
  for (const { id, effect } of rules) if (effect === 'review') group.reviewers.add(id);
  for (const fact of group.observed.values()) fact.see(facts);
}

function isHarmless({ plan }: StoredFacts, { risk, is_degraded: isDegraded }: Evaluation): boolean {
  return (
    risk.tier === 'low' && !isDegraded && plan?.is_destructive !== true && plan?.is_fully_previewed !== false
  );
}

/** None on production if no fact can be bounded, and none that a policy file could not hold. */
function suggestionOf(group: Group, policy: PolicySet): readonly AllowSuggestion[] {
  const { action, environment, target, approved } = group;
  const bounds = [...group.observed.values()].flatMap((fact) => fact.bound() ?? []);
  if (bounds.length === 0 && policy.production.includes(environment)) return [];
  const isPlanned = policy.actions.some((one) => one.action === action && one.connector !== null);
  const condition = [
    'risk.tier == "low"',
    ...(isPlanned ? ['!plan.destructive', 'plan.previewed'] : []),
    ...agentBound(group.agents),
    ...bounds,
  ].join(' && ');
  if (condition.length > CONDITION_LENGTH_MAX) return [];
  const reviewedBy = [...group.reviewers].sort();
  const yaml = ruleText(group, condition, reviewedBy);
  return [{ action, environment, target, approved, reviewed_by: reviewedBy, yaml }];
}

/** What one agent was always granted says nothing about another. */
function agentBound(agents: ReadonlySet<string>): readonly string[] {
  const [agent, ...others] = agents;
  return agent === undefined || others.length > 0 ? [] : [`request.agent == ${JSON.stringify(agent)}`];
}

/** Names are quoted as JSON, which is YAML as well: a fact's text cannot become anything else. */
function ruleText(
  { action, environment, target, approved }: Group,
  condition: string,
  reviewedBy: readonly string[],
): string {
  const id = `allow-${action}-${target}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/gu, '-')
    .slice(0, 60);
  const scope = [
    `action: [${JSON.stringify(action)}]`,
    `env: [${JSON.stringify(environment)}]`,
    `target: [${JSON.stringify(target)}]`,
  ];
  const because = `${approved} requests like this were approved; none was denied, expired or failed`;
  return [
    ...(reviewedBy.length > 0
      ? [`# Decides nothing where it is also reviewed, as by ${reviewedBy.join(', ')}`]
      : []),
    `- id: ${JSON.stringify(id.replace(/-+$/u, ''))}`,
    `  on: { ${scope.join(', ')} }`,
    `  when: ${JSON.stringify(condition)}`,
    '  effect: allow',
    `  because: ${JSON.stringify(because)}`,
  ].join('\n');
}
