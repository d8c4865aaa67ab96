import { digestOf, ruleRequirementDigest, type Digest } from './digest.ts';
import type { Directory } from './directory.ts';
import type { JsonValue } from './canonical-json.ts';
import type { Plan } from './plan.ts';
import type { Requirement, RuleRequirement, Selector } from './requirement.ts';
import { assessRisk, type RiskAssessment } from './risk.ts';

/** A kind of privileged operation that Keyturn governs. */
export interface ActionDefinition {
  readonly action: string;
  readonly schema_version: number;
  readonly title: string;
  readonly connector: string;
  readonly resource_type: string;
  /** JSON Schema (2020-12) of the arguments. */
  readonly arguments: Readonly<Record<string, JsonValue>>;
  /** What to do when no rule matches. */
  readonly fallback: 'review' | 'forbid';
}

/** A thing that actions act on. `connection` holds references (`env:`, `file:`), never secrets. */
export interface Target {
  readonly id: string;
  readonly title: string;
  readonly resource_type: string;
  readonly environment: string;
  readonly owners: readonly string[];
  readonly connection: Readonly<Record<string, JsonValue>>;
}

/** What a rule does with a request it matches. */
export type RuleEffect = 'allow' | 'review' | 'forbid';

/** One rule. Matches when action and environment are listed (an absent list matches all). */
export interface Rule {
  readonly id: string;
  readonly on: { readonly action: readonly string[]; readonly env: readonly string[] | null };
  readonly effect: RuleEffect;
  readonly because: string | null;
  readonly require: RuleRequirement | null;
  /** Otherwise a review rule is AND-ed with the default requirement. */
  readonly replaces_default: boolean;
  /** `rules/sql.yaml:12`, for explanations. Not part of any digest that people decide on. */
  readonly source: string;
}

/** A whole policy: catalogue, rules, targets and directory, as one value with one digest. */
export interface PolicySet {
  readonly version: 'keyturn/v1';
  readonly environments: readonly string[];
  readonly defaults: { readonly effect: 'review' | 'forbid'; readonly require: RuleRequirement };
  readonly actions: readonly ActionDefinition[];
  readonly targets: readonly Target[];
  readonly rules: readonly Rule[];
  readonly directory: Directory;
  /** Who may throw and lift kill switches. Sets of before have none: then nobody may. */
  readonly operators?: readonly Selector[];
}

/** The server-made facts an evaluation sees. */
export interface PolicyFacts {
  readonly action: string;
  readonly target: Target;
  readonly plan: Plan;
}

/** What policy says of a request. `rules` names the matched rules with their places. */
export interface Evaluation {
  readonly effect: RuleEffect;
  readonly risk: RiskAssessment;
  /** Null for allow and forbid. */
  readonly requirement: Requirement | null;
  readonly rules: readonly {
    readonly id: string;
    readonly source: string;
    readonly because: string | null;
  }[];
}

/** The digest that names a policy set in records. */
export function policyDigest(policy: PolicySet): Digest {
  return digestOf(policy);
}

/** The catalogue entry of an action, or undefined: an unknown action is forbidden. */
export function actionOf(policy: PolicySet, action: string): ActionDefinition | undefined {
  return policy.actions.find((candidate) => candidate.action === action);
}

/** The target with this id, or undefined. */
export function targetOf(policy: PolicySet, id: string): Target | undefined {
  return policy.targets.find((candidate) => candidate.id === id);
}

/** What ties an approval to a target: where and what it is, not who owns it or how it is called. */
export function targetDigest({ id, resource_type, environment, connection }: Target): Digest {
  return digestOf({ id, resource_type, environment, connection });
}

/**
 * Forbid beats review beats allow; no match is the default. Requirements of all matched review rules are AND-ed with
 * each other and, unless one of them replaces it, with the default. Unknown actions are forbidden.
 */
export function evaluate(policy: PolicySet, facts: PolicyFacts): Evaluation {
  const matched = policy.rules.filter((rule) => isMatch(rule, facts));
  const risk = assessRisk({ environment: facts.target.environment, facts: facts.plan.risk_facts });
  const rules = matched.map(({ id, source, because }) => ({ id, source, because }));
  const effect = effectOf(policy, facts, matched);
  const requirement = effect === 'review' ? requirementOf(policy, matched, risk) : null;
  return { effect, risk, requirement, rules };
}

function isMatch(rule: Rule, facts: PolicyFacts): boolean {
  const isAction = rule.on.action.includes(facts.action);
  return isAction && (rule.on.env === null || rule.on.env.includes(facts.target.environment));
}

function effectOf(policy: PolicySet, facts: PolicyFacts, matched: readonly Rule[]): RuleEffect {
  const action = actionOf(policy, facts.action);
  if (!action) return 'forbid';
  const otherwise = action.fallback === 'forbid' ? 'forbid' : policy.defaults.effect;
  const effects = new Set(matched.map((rule) => rule.effect));
  if (effects.has('forbid')) return 'forbid';
  // A review rule is AND-ed with the default, also where that forbids: only `replaces_default` opens what is closed.
  if (effects.has('review')) return isDefaultReplaced(matched) ? 'review' : otherwise;
  return effects.has('allow') ? 'allow' : otherwise;
}

function isDefaultReplaced(matched: readonly Rule[]): boolean {
  return matched.some((rule) => rule.effect === 'review' && rule.replaces_default && rule.require !== null);
}

function requirementOf(policy: PolicySet, matched: readonly Rule[], risk: RiskAssessment): Requirement {
  const reviews = matched.filter((rule) => rule.effect === 'review');
  const demanded = reviews.flatMap((rule) => (rule.require ? [rule.require] : []));
  const rules = isDefaultReplaced(matched) ? demanded : [...demanded, policy.defaults.require];
  return { risk: risk.tier, distinct_people: risk.distinct_people, rules: uniqueRules(rules) };
}

/** The union of two requirements: everything either demands. What is already asked of people is never loosened. */
export function tightened(old: Requirement, fresh: Requirement): Requirement {
  const tiers = ['low', 'medium', 'high', 'critical'] as const;
  return {
    risk: tiers[Math.max(tiers.indexOf(old.risk), tiers.indexOf(fresh.risk))] ?? 'critical',
    distinct_people: Math.max(old.distinct_people, fresh.distinct_people),
    rules: uniqueRules([...old.rules, ...fresh.rules]),
  };
}

function uniqueRules(rules: readonly RuleRequirement[]): readonly RuleRequirement[] {
  const byContent = new Map<string, RuleRequirement>();
  for (const rule of rules) {
    const key = ruleRequirementDigest(rule);
    if (!byContent.has(key)) byContent.set(key, rule);
  }
  return [...byContent].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, rule]) => rule);
}
