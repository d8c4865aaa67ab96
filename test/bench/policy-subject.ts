import type { BacktestRecord } from '../../policy-authoring/backtest.ts';
import type { BusinessCalendar } from '../../domain/calendar/calendar.ts';
import type { ActionDefinition, PolicySet, Rule, Target } from '../../domain/policy/policy.ts';
import { storedFacts, type PolicyFacts } from '../../domain/policy/built-in-facts.ts';
import { reviewBy, DIRECTORY, FACTS, policyOf, stage } from '../domain/examples.ts';

const ACTIONS = Array.from({ length: 20 }, (_, index) => `bench.action${index}`);
const ENVIRONMENTS = ['prod', 'staging', 'dev'] as const;

/**
 * What rules usually ask about: arguments, plan, resource, request, history, calendar. No two rules say the very same, so
 * that nothing is gained by compiling a text once.
 */
export function conditionNumbered(index: number): string {
  const conditions = [
    `calendar.freeze && !request.break_glass && plan.rows != ${index}`,
    `plan.rows > ${1_000 + index}`,
    `data.class == "restricted" && plan.rows != ${index}`,
    `!args.destination.startsWith("s3://corp-${index}") && data.class == "pii"`,
    `history.denials_24h >= ${2 + index}`,
    `!calendar.business_hours && resource.production && plan.rows != ${index}`,
    `args.grantee in request.chain || args.grantee == "root-${index}"`,
    `resource.tags.exists(t, t == "sox-${index}")`,
    `args.role in ["owner", "admin", "role-${index}"]`,
    `plan.destructive && plan.rows > ${100 + index}`,
  ];
  return conditions[index % conditions.length] ?? 'true';
}

const CALENDAR: BusinessCalendar = {
  id: 'office',
  time_zone: 'Europe/Berlin',
  week: {
    mon: [{ from: '09:00', to: '17:00' }],
    tue: [{ from: '09:00', to: '17:00' }],
    wed: [{ from: '09:00', to: '17:00' }],
    thu: [{ from: '09:00', to: '17:00' }],
    fri: [{ from: '09:00', to: '17:00' }],
    sat: [],
    sun: [],
  },
  holidays: ['2026-12-25'],
};

function actionNamed(action: string): ActionDefinition {
  const text = { type: 'string' };
  const properties = { destination: text, grantee: text, role: text, note: text };
  return {
    action,
    schema_version: 1,
    title: action,
    connector: 'postgres.execute',
    resource_type: 'bench.thing',
    arguments: { type: 'object', required: ['destination', 'grantee', 'role'], properties },
    fallback: 'review',
  };
}

function targetNumbered(index: number): Target {
  return {
    id: `thing-${index}`,
    title: `Thing ${index}`,
    resource_type: 'bench.thing',
    environment: ENVIRONMENTS[index % ENVIRONMENTS.length] ?? 'prod',
    owners: ['group:shop-owners'],
    connection: {},
    tags: ['blue', 'green'],
    data_class: 'internal',
  };
}

/** Targets that have the tags which conditions name. */
function tagged(rules: number): readonly Target[] {
  return Array.from({ length: Math.ceil(rules / 10) }, (_, index) => ({
    ...targetNumbered(0),
    id: `tagged-${index}`,
    tags: Array.from({ length: 10 }, (_tag, nth) => `sox-${index * 10 + nth}`),
  }));
}

/** How a policy is made. */
export interface PolicyScale {
  readonly rules: number;
  /** How many rules stand on each pair of action and target that has any. */
  readonly candidates: number;
  /** False: without the usual lines of risk, so that conditions are those of rules alone. */
  readonly hasRisk?: boolean;
}

/** Where a rule applies: `candidates` rules after each other share one action and one target. */
function scopeOf(index: number, candidates: number): { readonly action: string; readonly target: number } {
  const scope = Math.floor(index / candidates);
  return { action: ACTIONS[scope % ACTIONS.length] ?? '', target: scope };
}

function ruleNumbered(index: number, candidates: number): Rule {
  const { action, target } = scopeOf(index, candidates);
  const effect = (['review', 'forbid', 'allow'] as const)[index % 3] ?? 'review';
  return {
    id: `rule-${index}`,
    on: { action: [action], env: null, target: [`thing-${target}`] },
    when: conditionNumbered(index),
    effect,
    because: 'the bench asks for it',
    require: effect === 'review' ? reviewBy([stage(['group:dba'])], { rule: `rule-${index}` }) : null,
    replaces_default: false,
    source: `rules/bench.yaml:${index + 1}`,
  };
}

/** A policy of this size. */
export function policyOfScale({ rules, candidates, hasRisk = true }: PolicyScale): PolicySet {
  const count = Math.ceil(rules / candidates);
  const made = Array.from({ length: rules }, (_, index) => ruleNumbered(index, candidates));
  const policy = policyOf(made, {
    environments: ENVIRONMENTS,
    actions: ACTIONS.map(actionNamed),
    targets: [...Array.from({ length: count }, (_, index) => targetNumbered(index)), ...tagged(rules)],
    directory: DIRECTORY,
    calendars: [CALENDAR],
    enums: { data_class: ['pii', 'restricted', 'internal'] },
  });
  return hasRisk ? policy : { ...policy, risk: { ...policy.risk, lines: [] } };
}

/** Different requests, each about a pair of action and target that has rules. */
export function requestsOn(policy: PolicySet, count: number): readonly PolicyFacts[] {
  return Array.from({ length: count }, (_, index) => {
    const rule = policy.rules[(index * 7) % policy.rules.length];
    const target = policy.targets.find(({ id }) => rule?.on.target?.[0] === id) ?? targetNumbered(0);
    return {
      ...FACTS,
      action: rule?.on.action[0] ?? '',
      target,
      args: { destination: `s3://corp-${index}/x`, grantee: `user-${index}`, role: 'reader' },
      plan: FACTS.plan && { ...FACTS.plan, rows_changed: index % 2_000 },
      at: new Date(Date.parse(FACTS.at) + index * 61_000).toISOString(),
      history: { requests_24h: index % 50, denials_24h: index % 3, failures_24h: 0 },
    };
  });
}

/** The same as a scan has it: every condition says itself where it applies. */
export function scannedConditions(policy: PolicySet): readonly string[] {
  return policy.rules.map((rule) => `resource.id == "${rule.on.target?.[0]}" && (${rule.when ?? 'true'})`);
}

/** Arguments as an agent would choose them to cost the most: long lists, long texts, what patterns dislike. */
export function hostileRequests(policy: PolicySet, count: number): readonly PolicyFacts[] {
  const long = 'a'.repeat(4_096);
  const choices = [
    { destination: `${long}!`, grantee: long, role: 'owner' },
    { destination: `s3://corp-${'/'.repeat(4_000)}`, grantee: '\u{1F4A5}'.repeat(1_000), role: long },
    { destination: 'x', grantee: 'x', role: 'owner', note: 'a'.repeat(65_536) },
    { destination: 7, grantee: Array.from({ length: 5_000 }, () => long), role: null },
    { destination: 'x', grantee: 'x', role: 'x', ...Object.fromEntries(manyKeys()) },
  ] as readonly PolicyFacts['args'][];
  const chain = Array.from({ length: 256 }, (_, index) => `user-${index}`);
  const tags = Array.from({ length: 256 }, (_, index) => `tag-${index}`);
  return requestsOn(policy, count).map((facts, index) => ({
    ...facts,
    target: { ...facts.target, tags },
    request: { ...facts.request, chain },
    args: choices[index % choices.length] ?? {},
  }));
}

function manyKeys(): readonly (readonly [string, string])[] {
  return Array.from({ length: 2_000 }, (_, index) => [`key-${index}`, 'x'.repeat(20)] as const);
}

/** Conditions with the dearest things that a rule may do to arguments. */
export const HOSTILE_CONDITIONS: readonly string[] = [
  're2(args.destination, "(a|aa)+$")',
  'glob(args.destination, "*a*a*b")',
  'resource.tags.exists(t, t == args.grantee)',
  'request.chain.all(p, p != args.grantee)',
];

/** A recorded evaluation of a request. */
export function recordOf(facts: PolicyFacts, index: number): BacktestRecord {
  return {
    request: `req_${index}`,
    round: 1,
    facts: storedFacts(facts),
    lineage: [{ role: 'requester', issuer: 'https://login.example', subject: 'agent-billing' }],
    outcome: 'open',
    pending_since: null,
    decisions: [],
  };
}
