import { calendarFacts } from '../calendar/calendar.ts';
import { freezeAt } from '../calendar/freeze.ts';
import type { JsonValue } from '../crypto/canonical-json.ts';
import {
  factTypeOf,
  FLAG,
  INTEGER,
  record,
  TEXT,
  TEXTS,
  words,
  type FactType,
} from '../conditions/fact-type.ts';
import type { Directory } from '../identity/directory.ts';
import type { ResolvedFacts } from './fact-declarations.ts';
import {
  classOf,
  classType,
  recallFacts,
  resolvedType,
  resolvedValues,
  resolveFacts,
  resourceTypes,
  resourceValues,
} from './fact-resolvers.ts';
import type { Plan, RiskFacts } from '../request/plan.ts';
import {
  actionOf,
  defaultCalendarOf,
  isOwnAction,
  targetOf,
  type ActionDefinition,
  type PolicySet,
  type Target,
} from './policy.ts';
import { REQUEST_TYPE, type RequestFacts } from './request-facts.ts';
import { RISK_TIERS, type RiskAssessment } from './risk.ts';

/**
 * When policy is asked. `creation`: before the plan, so facts of the plan are not known yet. `planned`: the baseline.
 * `execution`: right before acting; may only tighten.
 */
export type Phase = 'creation' | 'planned' | 'execution';

/** What the requester's past says, counted by the server. */
export type HistoryFacts = Readonly<Record<'requests_24h' | 'denials_24h' | 'failures_24h', number>>;

/** The default calendar is `calendar`, each is `calendars.ID`. None of them is a fact where policy has none. */
export function calendarValues(
  policy: PolicySet,
  facts: Pick<PolicyFacts, 'action' | 'target' | 'at'>,
): Record<string, JsonValue> {
  const freeze = isFrozen(policy, facts);
  const values = policy.calendars.map(
    (calendar) => [calendar.id, { ...calendarFacts(calendar, facts.at), freeze }] as const,
  );
  const byId = Object.fromEntries(values);
  const usual = byId[defaultCalendarOf(policy)?.id ?? ''];
  return usual ? { calendar: usual, calendars: byId } : {};
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
export type WindowFacts = Readonly<Record<'count' | 'sum', number>>;

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
  /** What the action's own facts come to (`facts.NAME`). Absent for an action that declares none. */
  readonly facts?: ResolvedFacts;
}

/** Facts as they are kept. The target is named: what it is, the policy that is asked says. */
export type StoredFacts = Omit<PolicyFacts, 'target'> & { readonly target: string };

/** Facts without the target's definition, for keeping. */
export function storedFacts({ target, ...facts }: PolicyFacts): StoredFacts {
  return { ...facts, target: target.id };
}

/**
 * Kept facts as a policy sees them; null when it has no such target. What the policy itself says of arguments is asked of
 * this one; who was who is as it was then or, with a directory, as it is there.
 */
export function recalledFacts(
  policy: PolicySet,
  { facts: kept, ...stored }: StoredFacts,
  directory?: Directory,
): PolicyFacts | null {
  const target = targetOf(policy, stored.target);
  if (!target) return null;
  const action = actionOf(policy, stored.action) ?? {};
  const facts = directory
    ? resolveFacts(action, { ...stored, policy, directory })
    : recallFacts(action, { ...stored, policy }, kept);
  return { ...stored, target, ...(facts === undefined ? {} : { facts }) };
}

/** What conditions on an action may read, by variable. */
export type FactTypes = Readonly<Record<string, FactType>>;

interface BuiltInFact {
  /** Undefined where an action has no such variable. */
  readonly type: (policy: PolicySet, action: ActionDefinition) => FactType | undefined;
  /** Undefined for what is not known yet, or not there. */
  readonly make: (policy: PolicySet, facts: PolicyFacts) => JsonValue | undefined;
}

/**
 * Every variable that conditions read, but `risk`, which is computed from these. About an action on Keyturn itself neither
 * `args`, which are digests, nor `windows`: so lines of the risk policy about the arguments of other actions do not apply to
 * it. An action without a connector has no plan, so nothing can ask about it.
 */
const FACTS: ReadonlyMap<string, BuiltInFact> = new Map(
  Object.entries<BuiltInFact>({
    facts: {
      type: resolvedType,
      make: (_policy, { facts }) => facts && resolvedValues(facts),
    },
    args: {
      type: (_policy, { action, arguments: schema }) =>
        isOwnAction(action) ? undefined : factTypeOf(schema),
      make: (_policy, { args }) => args,
    },
    resource: {
      type: (policy, { action }) =>
        record({ id: TEXT, ...(isOwnAction(action) ? OWN_RESOURCE : resourceTypes(policy)) }),
      make: (policy, { target }) => targetValues(policy, target)['resource'],
    },
    data: {
      type: (policy, { action }) => record({ class: isOwnAction(action) ? TEXT : classType(policy) }),
      make: (_policy, { target }) => ({ class: classOf(target) }),
    },
    request: {
      type: () => REQUEST_TYPE,
      make: (_policy, { request: { with_declared: _named, ...request } }) => request,
    },
    history: {
      type: () => record({ requests_24h: INTEGER, denials_24h: INTEGER, failures_24h: INTEGER }),
      make: (_policy, { history }) => history,
    },
    calendar: {
      type: ({ calendars }) => (calendars.length === 0 ? undefined : CALENDAR),
      make: (policy, facts) => calendarValues(policy, facts)['calendar'],
    },
    calendars: {
      type: ({ calendars }) => (calendars.length === 0 ? undefined : oneEach(calendars, CALENDAR)),
      make: (policy, facts) => calendarValues(policy, facts)['calendars'],
    },
    windows: {
      type: ({ windows }, { action: name }) => {
        const counting = windows.filter(({ action }) => action.includes(name));
        return isOwnAction(name) ? undefined : oneEach(counting, record({ count: INTEGER, sum: INTEGER }));
      },
      make: (_policy, { windows }) => windows ?? undefined,
    },
    plan: {
      type: (_policy, { connector }) =>
        connector === null
          ? undefined
          : record({
              rows: INTEGER,
              resources: INTEGER,
              names: TEXTS,
              destructive: FLAG,
              reversible: FLAG,
              previewed: FLAG,
            }),
      make: (_policy, { plan }) =>
        plan === null
          ? undefined
          : {
              rows: plan.rows_changed,
              resources: plan.resources_changed,
              names: plan.names,
              destructive: plan.is_destructive,
              reversible: plan.is_reversible,
              previewed: plan.is_fully_previewed,
            },
    },
  }),
);

/** Keyturn itself is in none of the policy's environments, and has no tags. */
const OWN_RESOURCE = { type: TEXT, env: TEXT, production: FLAG, owners: TEXTS, tags: TEXTS };

const CALENDAR = record({
  business_hours: FLAG,
  holiday: FLAG,
  weekday: INTEGER,
  hour: INTEGER,
  minute: INTEGER,
  date: TEXT,
  freeze: FLAG,
});

function oneEach(entries: readonly { readonly id: string }[], type: FactType): FactType {
  return record(Object.fromEntries(entries.map(({ id }) => [id, type])));
}

/** The variables of risk lines. */
export function riskFactTypes(policy: PolicySet, action: ActionDefinition): FactTypes {
  const types: Record<string, FactType> = {};
  for (const [name, fact] of FACTS) {
    const type = fact.type(policy, action);
    if (type !== undefined) types[name] = type;
  }
  return types;
}

/** The type of the variable `risk`. */
export const RISK_TYPE: FactType = record({ tier: words(...RISK_TIERS), score: INTEGER });

/** The risk as conditions see it. */
export function riskValues({ tier, score }: RiskAssessment): JsonValue {
  return { tier, score };
}

/** The variables of rules about an action. */
export function ruleFactTypes(policy: PolicySet, action: ActionDefinition): FactTypes {
  return { ...riskFactTypes(policy, action), risk: RISK_TYPE };
}

/** The variable of conditions on reviewers: they read nothing else. */
export const REVIEWER_FACT_TYPES: FactTypes = { reviewer: record({ id: TEXT, groups: TEXTS }) };

/**
 * Facts as conditions see them, without `risk`. What is not known yet is absent, and so is what `read` does not name where
 * it is given: the variables that conditions read.
 */
export function factValues(
  policy: PolicySet,
  facts: PolicyFacts,
  read: Iterable<string> = FACTS.keys(),
): Record<string, JsonValue> {
  const values: Record<string, JsonValue> = {};
  for (const name of read) {
    const value = FACTS.get(name)?.make(policy, facts);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** What conditions see of a target, whatever the request. */
export function targetValues(policy: PolicySet, target: Target): Record<string, JsonValue> {
  return {
    resource: { id: target.id, ...resourceValues(policy, target) },
    data: { class: classOf(target) },
  };
}

/** What policy may know of a plan. */
export function planFacts({ risk_facts, effects }: Pick<Plan, 'risk_facts' | 'effects'>): PlanFacts {
  return { ...risk_facts, names: effects.map((effect) => effect.resource) };
}
