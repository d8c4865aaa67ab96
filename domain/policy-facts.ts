import { calendarFacts } from './calendar/calendar.ts';
import { freezeAt } from './calendar/freeze.ts';
import type { JsonValue } from './canonical-json.ts';
import { factTypeOf, type FactType } from './expressions/fact-type.ts';
import { digestOf, type Digest } from './digest.ts';
import { agentOf, peopleBehind, type Directory } from './directory.ts';
import type { Lineage } from './identity.ts';
import type { Plan, RiskFacts } from './plan.ts';
import {
  isOwnAction,
  targetOf,
  type ActionDefinition,
  type CountingWindow,
  type PolicySet,
  type Target,
} from './policy.ts';
import { REQUEST_MODES, type RequestMode } from './request.ts';
import { RISK_TIERS, type RiskAssessment } from './risk.ts';

/**
 * When policy is asked. `creation`: before the plan, so facts of the plan are not known yet. `planned`: the baseline.
 * `execution`: right before acting; may only tighten.
 */
export type Phase = 'creation' | 'planned' | 'execution';

/** Who asks, and how. */
export interface RequestFacts {
  readonly mode: RequestMode;
  readonly break_glass: boolean;
  /** Id of the agent in the directory, or empty. */
  readonly agent: string;
  /** Ids of the people behind the request: owner, the person acted for, trigger, the requester. */
  readonly chain: readonly string[];
}

/** What the requester's past says, counted by the server. */
export interface HistoryFacts {
  readonly requests_24h: number;
  readonly denials_24h: number;
  readonly failures_24h: number;
}

/** The first calendar is `calendar`, each is `calendars.ID`. None of them is a fact where policy has none. */
export function calendarValues(
  policy: PolicySet,
  facts: Pick<PolicyFacts, 'action' | 'target' | 'at'>,
): Record<string, JsonValue> {
  const freeze = isFrozen(policy, facts);
  const values = policy.calendars.map(
    (calendar) => [calendar.id, { ...calendarFacts(calendar, facts.at), freeze }] as const,
  );
  const [first] = values;
  return first ? { calendar: first[1], calendars: Object.fromEntries(values) } : {};
}

/** True while a freeze of the action and environment is in force. */
export function isFrozen(
  policy: PolicySet,
  { action, target, at }: Pick<PolicyFacts, 'action' | 'target' | 'at'>,
): boolean {
  return freezeAt(policy.freezes, { action, environment: target.environment }, at).length > 0;
}

/** What a plan says, without values of the target. */
export interface PlanFacts extends RiskFacts {
  /** Names of the resources that change. */
  readonly names: readonly string[];
}

/** What a counting window holds for this request, itself included. */
export interface WindowFacts {
  readonly count: number;
  readonly sum: number;
}

/** The server-made facts of one evaluation, and the arguments. Plain data: stored as they are, by digest. */
export interface PolicyFacts {
  readonly action: string;
  readonly target: Target;
  readonly args: Readonly<Record<string, JsonValue>>;
  /** Null before the request is planned. */
  readonly plan: PlanFacts | null;
  readonly request: RequestFacts;
  /** The instant of the evaluation, RFC 3339 UTC: what calendars are asked about. */
  readonly at: string;
  readonly history: HistoryFacts;
  /** By id of the window. Null before the request is planned. */
  readonly windows: Readonly<Record<string, WindowFacts>> | null;
}

/** Facts as they are kept. The target is named: what it is, the policy that is asked says. */
export type StoredFacts = Omit<PolicyFacts, 'target'> & { readonly target: string };

/** Facts without the target's definition, for keeping. */
export function storedFacts({ target, ...facts }: PolicyFacts): StoredFacts {
  return { ...facts, target: target.id };
}

/** Kept facts as a policy sees them; null when it has no such target. */
export function recalledFacts(policy: PolicySet, facts: StoredFacts): PolicyFacts | null {
  const target = targetOf(policy, facts.target);
  return target ? { ...facts, target } : null;
}

const TEXT: FactType = { kind: 'string', enum: null };
const INTEGER: FactType = { kind: 'int' };
const FLAG: FactType = { kind: 'bool' };
const TEXTS: FactType = { kind: 'list', items: TEXT };

function words(...allowed: readonly string[]): FactType {
  return { kind: 'string', enum: allowed };
}

function record(fields: Readonly<Record<string, FactType>>): FactType {
  return {
    kind: 'object',
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, type]) => [name, { type, optional: false }]),
    ),
  };
}

const PLAN = record({
  rows: INTEGER,
  resources: INTEGER,
  names: TEXTS,
  destructive: FLAG,
  reversible: FLAG,
  previewed: FLAG,
});

const CALENDAR = record({
  business_hours: FLAG,
  holiday: FLAG,
  weekday: INTEGER,
  hour: INTEGER,
  minute: INTEGER,
  date: TEXT,
  freeze: FLAG,
});

const REQUEST = record({
  mode: words(...REQUEST_MODES),
  break_glass: FLAG,
  agent: TEXT,
  chain: TEXTS,
});

const HISTORY = record({ requests_24h: INTEGER, denials_24h: INTEGER, failures_24h: INTEGER });

const REVIEWER = record({ id: TEXT, groups: TEXTS });

/** What conditions on an action may read, by variable. */
export type FactTypes = Readonly<Record<string, FactType>>;

/** The type of the variable `risk`. */
export const RISK_TYPE: FactType = record({ tier: words(...RISK_TIERS), score: INTEGER });

/** The variables of rules about an action. `risk` is computed from the others. */
export function ruleFactTypes(policy: PolicySet, action: ActionDefinition): FactTypes {
  return { ...riskFactTypes(policy, action), risk: RISK_TYPE };
}

/** The variables of risk lines. An action without a connector has no plan, so nothing can ask about it. */
export function riskFactTypes(policy: PolicySet, action: ActionDefinition): FactTypes {
  if (isOwnAction(action.action)) return ownFactTypes(policy, action);
  const windows = policy.windows.filter((window) => window.action.includes(action.action));
  return {
    args: factTypeOf(action.arguments),
    resource: resourceType(policy),
    data: record({ class: classType(policy) }),
    request: REQUEST,
    history: HISTORY,
    ...calendarTypes(policy),
    windows: record(
      Object.fromEntries(windows.map(({ id }) => [id, record({ count: INTEGER, sum: INTEGER })])),
    ),
    ...(action.connector === null ? {} : { plan: PLAN }),
  };
}

/**
 * The variables about an action on Keyturn itself. Neither `args`, which are digests, nor `windows`: so lines of the risk
 * policy about the arguments of other actions do not apply to it.
 */
function ownFactTypes(policy: PolicySet, action: ActionDefinition): FactTypes {
  return {
    resource: record({ id: TEXT, type: TEXT, env: TEXT, production: FLAG, owners: TEXTS, tags: TEXTS }),
    data: record({ class: TEXT }),
    request: REQUEST,
    history: HISTORY,
    ...calendarTypes(policy),
    ...(action.connector === null ? {} : { plan: PLAN }),
  };
}

/** The variables of a condition on reviewers: those of rules, and the reviewer. */
export const REVIEWER_FACT_TYPES: FactTypes = { reviewer: REVIEWER };

function calendarTypes({ calendars }: PolicySet): FactTypes {
  if (calendars.length === 0) return {};
  const byId = record(Object.fromEntries(calendars.map(({ id }) => [id, CALENDAR])));
  return { calendar: CALENDAR, calendars: byId };
}

function resourceType(policy: PolicySet): FactType {
  return record({
    id: TEXT,
    type: TEXT,
    env: words(...policy.environments),
    production: FLAG,
    owners: TEXTS,
    tags: policy.enums['tags'] ? { kind: 'list', items: words(...policy.enums['tags']) } : TEXTS,
  });
}

/** The class of data nobody has said anything about. */
const UNCLASSIFIED = 'unclassified';

function classType(policy: PolicySet): FactType {
  const classes = policy.enums['data_class'];
  return classes ? words(...classes, UNCLASSIFIED) : TEXT;
}

/** Facts as conditions see them, without `risk`. What is not known yet is absent. */
export function factValues(policy: PolicySet, facts: PolicyFacts): Record<string, JsonValue> {
  const { target, request } = facts;
  return {
    args: facts.args,
    resource: {
      id: target.id,
      type: target.resource_type,
      env: target.environment,
      production: policy.production.includes(target.environment),
      owners: [...target.owners],
      tags: [...(target.tags ?? [])],
    },
    data: { class: target.data_class ?? UNCLASSIFIED },
    request: { ...request, chain: [...request.chain] },
    history: { ...facts.history },
    ...calendarValues(policy, facts),
    ...(facts.plan === null ? {} : { plan: planValues(facts.plan) }),
    ...(facts.windows === null ? {} : { windows: windowValues(facts.windows) }),
  };
}

function planValues(plan: PlanFacts): JsonValue {
  return {
    rows: plan.rows_changed,
    resources: plan.resources_changed,
    names: [...plan.names],
    destructive: plan.is_destructive,
    reversible: plan.is_reversible,
    previewed: plan.is_fully_previewed,
  };
}

/** What policy may know of a plan. */
export function planFacts({ risk_facts, effects }: Pick<Plan, 'risk_facts' | 'effects'>): PlanFacts {
  return { ...risk_facts, names: effects.map((effect) => effect.resource) };
}

function windowValues(windows: Readonly<Record<string, WindowFacts>>): JsonValue {
  return Object.fromEntries(Object.entries(windows).map(([id, { count, sum }]) => [id, { count, sum }]));
}

/** The risk as conditions see it. */
export function riskValues({ tier, score }: RiskAssessment): JsonValue {
  return { tier, score };
}

/** Who stands behind a request, by the ids of the directory. */
export function requestFacts(
  directory: Directory,
  asked: { readonly mode: RequestMode; readonly lineage: Lineage; readonly break_glass: boolean },
): RequestFacts {
  const [requester] = asked.lineage;
  return {
    mode: asked.mode,
    break_glass: asked.break_glass,
    agent: (requester && agentOf(directory, requester)?.id) ?? '',
    chain: peopleBehind(directory, asked.lineage),
  };
}

/** What makes requests count together in a window. */
export function windowKey(
  window: CountingWindow,
  { action, target, root }: { readonly action: string; readonly target: string; readonly root: string },
): Digest {
  const parts = { lineage: root, action, target };
  return digestOf([window.id, ...window.per.map((part) => [part, parts[part]])]);
}

/** What a request adds to a window's sum: a whole number, never negative. Zero where the window only counts. */
export function amountOf({ sum }: CountingWindow, facts: Pick<PolicyFacts, 'plan' | 'args'>): number {
  switch (sum) {
    case null:
      return 0;
    case 'plan.rows':
      return facts.plan?.rows_changed ?? 0;
    case 'plan.resources':
      return facts.plan?.resources_changed ?? 0;
    default:
      return argumentAmount(facts.args, sum.slice('args.'.length));
  }
}

function argumentAmount(args: PolicyFacts['args'], field: string): number {
  const value = Object.hasOwn(args, field) ? args[field] : 0;
  return typeof value === 'number' && Number.isSafeInteger(value) ? Math.max(0, value) : 0;
}
