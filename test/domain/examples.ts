import * as fc from 'fast-check';

import type { Directory, Person } from '../../domain/identity/directory.ts';
import type { Plan } from '../../domain/request/plan.ts';
import type { ActionDefinition, PolicySet, Rule, Target } from '../../domain/policy/policy.ts';
import { planFacts, type PolicyFacts } from '../../domain/policy/built-in-facts.ts';
import { DEFAULT_RISK } from '../../domain/policy/risk.ts';
import type { CountedDecision, SeatReference, TallyFacts } from '../../domain/approval/quorum.ts';
import type { Requirement, RuleRequirement, Selector, Stage } from '../../domain/request/requirement.ts';

/** When every example request became pending. */
export const START = '2026-11-22T08:00:00.000Z';

export const MINUTE_MS = 60_000;

/** The instant this many minutes after the start. */
export function minutes(count: number): string {
  return new Date(Date.parse(START) + count * MINUTE_MS).toISOString();
}

/** Texts in a fixed order, for comparing sets. */
export function sorted(texts: Iterable<string>): readonly string[] {
  return [...texts].sort((left, right) => (left < right ? -1 : 1));
}

export function stage(any: readonly Selector[], quorum = 1, changes: Partial<Stage> = {}): Stage {
  return { any, quorum, escalate: [], ...changes };
}

export function reviewBy(stages: readonly Stage[], changes: Partial<RuleRequirement> = {}): RuleRequirement {
  return {
    rule: 'example',
    stages,
    order: 'parallel',
    expires_ms: 4 * 60 * MINUTE_MS,
    maximum_age_ms: 60 * MINUTE_MS,
    minimum_grade: 'C',
    is_reason_required: false,
    ...changes,
  };
}

export function requirement(
  rules: readonly RuleRequirement[],
  changes: Partial<Requirement> = {},
): Requirement {
  return { risk: 'low', distinct_people: 1, rules, ...changes };
}

/** Seats written `[rule, stage]`. */
export function seats(...positions: readonly (readonly [number, number])[]): readonly SeatReference[] {
  return positions.map(([rule, stageIndex]) => ({ rule, stage: stageIndex }));
}

export function approval(
  person: string,
  taken: readonly SeatReference[],
  changes: Partial<CountedDecision> = {},
): CountedDecision {
  return {
    id: `dec_${person}`,
    person,
    verdict: 'approve',
    at: minutes(1),
    grade: 'C',
    seats: taken,
    ...changes,
  };
}

export function tallyFacts(
  required: Requirement,
  decisions: readonly CountedDecision[],
  now = minutes(2),
): TallyFacts {
  return { requirement: required, pending_since: START, decisions, now };
}

export const ISSUER = 'https://login.example';

export function examplePerson(id: string, changes: Partial<Person> = {}): Person {
  return { id, name: id, active: true, accounts: [{ issuer: ISSUER, subject: `sub-${id}` }], ...changes };
}

/** Ada owns the agent; Olga and Dmitri are administrators, Omar owns the target, Petra leads. */
export const DIRECTORY: Directory = {
  people: ['ada', 'olga', 'dmitri', 'omar', 'petra'].map((id) => examplePerson(id)),
  agents: [
    {
      id: 'billing',
      name: 'Billing agent',
      active: true,
      issuer: ISSUER,
      subject: 'agent-billing',
      owner: 'ada',
      acts_for_people: false,
    },
  ],
  groups: [
    { id: 'dba', members: ['olga', 'dmitri'], groups: [] },
    { id: 'dba-leads', members: ['petra'], groups: [] },
    { id: 'shop-owners', members: ['omar'], groups: [] },
    { id: 'data', members: [], groups: ['dba', 'dba-leads'] },
  ],
};

export const ACTION: ActionDefinition = {
  action: 'postgres.execute',
  schema_version: 1,
  title: 'Run one SQL statement',
  connector: 'postgres.execute',
  resource_type: 'postgres.database',
  arguments: { type: 'object' },
  fallback: 'review',
};

export const TARGET: Target = {
  id: 'shop-production',
  title: 'Shop',
  resource_type: 'postgres.database',
  environment: 'prod',
  owners: ['group:shop-owners'],
  connection: { url: 'env:KEYTURN_TARGET_SHOP_URL' },
};

export const PLAN: Plan = {
  connector: 'postgres.execute',
  summary: 'updates 1 row of orders',
  operation: 'UPDATE orders SET note = $$x$$ WHERE id = 1',
  effects: [
    {
      resource: 'public.orders',
      inserted: 0,
      updated: 1,
      deleted: 0,
      rows: [{ key: '1', before: { note: 'a' }, after: { note: 'x' } }],
      assigned_columns: [],
      is_counts_only: false,
    },
  ],
  warnings: [],
  risk_facts: {
    rows_changed: 1,
    resources_changed: 1,
    is_destructive: false,
    is_fully_previewed: true,
    is_reversible: true,
  },
  reversal: { is_possible: true, how: 'write the old value' },
  fingerprint: `sha256:${'a'.repeat(64)}`,
  locks_held_ms: 3,
};

export const FACTS: PolicyFacts = {
  action: ACTION.action,
  target: TARGET,
  args: {},
  plan: planFacts(PLAN),
  request: { mode: 'execute', break_glass: false, agent: 'billing', chain: ['ada'] },
  at: START,
  history: { requests_24h: 0, denials_24h: 0, failures_24h: 0 },
  windows: {},
};

export const DEFAULT_REQUIREMENT = reviewBy([stage(['owners'])], { rule: 'default' });

export function policyOf(rules: readonly Rule[], changes: Partial<PolicySet> = {}): PolicySet {
  return {
    version: 'keyturn/v1',
    environments: ['staging', 'prod'],
    production: ['prod'],
    enums: {},
    risk: DEFAULT_RISK,
    windows: [],
    defaults: { effect: 'review', require: DEFAULT_REQUIREMENT },
    actions: [ACTION],
    targets: [TARGET],
    rules,
    directory: DIRECTORY,
    calendars: [],
    freezes: [],
    rotations: [],
    ...changes,
  };
}

export function exampleRule(id: string, effect: Rule['effect'], changes: Partial<Rule> = {}): Rule {
  return {
    id,
    on: { action: [ACTION.action], env: null },
    effect,
    because: null,
    require: effect === 'review' ? reviewBy([stage([`group:${id}`])], { rule: id }) : null,
    replaces_default: false,
    source: `rules/${id}.yaml:1`,
    ...changes,
  };
}

const SELECTORS: readonly Selector[] = ['owners', 'group:dba', 'group:dba-leads', 'group:data', 'user:omar'];

/** Any selector of the example directory. */
export const anySelector: fc.Arbitrary<Selector> = fc.constantFrom(...SELECTORS);

const anyStage: fc.Arbitrary<Stage> = fc.record({
  any: fc.uniqueArray(anySelector, { minLength: 1, maxLength: 2 }),
  quorum: fc.integer({ min: 1, max: 2 }),
  escalate: fc.array(
    fc.record({
      after_ms: fc.integer({ min: 1, max: 90 }).map((count) => count * MINUTE_MS),
      to: anySelector,
    }),
    { maxLength: 2 },
  ),
});

/** Any requirement of one rule, of up to three stages. */
export const anyRuleRequirement: fc.Arbitrary<RuleRequirement> = fc.record({
  rule: fc.constantFrom('first', 'second', 'third'),
  stages: fc.array(anyStage, { minLength: 1, maxLength: 3 }),
  order: fc.constantFrom('parallel', 'sequential'),
  expires_ms: fc.integer({ min: 1, max: 8 }).map((hours) => hours * 60 * MINUTE_MS),
  maximum_age_ms: fc.integer({ min: 5, max: 120 }).map((count) => count * MINUTE_MS),
  minimum_grade: fc.constantFrom('A', 'B', 'C'),
  is_reason_required: fc.boolean(),
});

/** Any requirement of up to three rules. */
export const anyRequirement: fc.Arbitrary<Requirement> = fc.record({
  risk: fc.constantFrom('low', 'medium', 'high', 'critical'),
  distinct_people: fc.integer({ min: 1, max: 3 }),
  rules: fc.array(anyRuleRequirement, { minLength: 1, maxLength: 3 }),
});

interface ApprovalShape {
  readonly people: number;
  readonly verdicts?: readonly CountedDecision['verdict'][];
}

/** Decisions of a few people on arbitrary seats of the requirement; seats of no rule are included on purpose. */
export function anyDecisions(
  required: Requirement,
  shape: ApprovalShape,
): fc.Arbitrary<readonly CountedDecision[]> {
  const positions = required.rules.flatMap((one, ruleIndex) =>
    one.stages.map((_, stageIndex) => ({ rule: ruleIndex, stage: stageIndex })),
  );
  const decision = fc.record({
    id: fc.uuid(),
    person: fc.integer({ min: 0, max: shape.people - 1 }).map((index) => `person-${index}`),
    verdict: fc.constantFrom(...(shape.verdicts ?? (['approve'] as const))),
    at: fc.integer({ min: 0, max: 60 }).map(minutes),
    grade: fc.constantFrom('A' as const, 'B' as const, 'C' as const),
    seats: fc.subarray(positions, { minLength: 0 }),
  });
  return fc.array(decision, { maxLength: shape.people + 1 });
}

/** A requirement together with approvals on its seats. */
export function anyCase(
  people = 5,
): fc.Arbitrary<{ readonly required: Requirement; readonly decisions: readonly CountedDecision[] }> {
  return anyRequirement.chain((required) =>
    anyDecisions(required, { people }).map((decisions) => ({ required, decisions })),
  );
}
