import { oncePer } from '../once-per.ts';
import type { BusinessCalendar } from '../calendar/calendar.ts';
import type { FreezeWindow } from '../calendar/freeze.ts';
import type { PolledRotation } from '../calendar/polled-rotation.ts';
import type { Rotation } from '../calendar/rotation.ts';
import { digestOf, type Digest } from '../crypto/digest.ts';
import type { Directory } from '../identity/directory.ts';
import type { JsonValue } from '../crypto/canonical-json.ts';
import type { FactResolver, LookupTable, OwnersResolver } from './fact-declarations.ts';
import type { RuleRequirement, Selector } from '../request/requirement.ts';
import type { RiskPolicy } from './risk.ts';

/** A kind of privileged operation that Keyturn governs. */
export interface ActionDefinition {
  readonly action: string;
  readonly schema_version: number;
  readonly title: string;
  /** Who plans and performs it; null for an action that Keyturn only decides on (mode `gate`). */
  readonly connector: string | null;
  readonly resource_type: string;
  /** JSON Schema (2020-12) of the arguments. */
  readonly arguments: Readonly<Record<string, JsonValue>>;
  /** What to do when no rule matches. */
  readonly fallback: 'review' | 'forbid';
  /** Facts that the server makes from the arguments, by name, for conditions (`facts.NAME`). */
  readonly facts?: Readonly<Record<string, FactResolver>>;
  /** Whom `owners` means, where that is not who owns the target. */
  readonly owners?: OwnersResolver;
}

/** A thing that actions act on. `connection` holds references (`env:`, `file:`), never secrets. */
export interface Target {
  readonly id: string;
  readonly title: string;
  readonly resource_type: string;
  readonly environment: string;
  readonly owners: readonly string[];
  readonly connection: Readonly<Record<string, JsonValue>>;
  /** Labels for conditions (`resource.tags`). */
  readonly tags?: readonly string[];
  /** How sensitive its data is, for conditions (`data.class`). */
  readonly data_class?: string;
}

/** What a rule does with a request it matches. */
export type RuleEffect = 'allow' | 'review' | 'forbid';

/** One rule. Matches when action, environment and target are listed (an absent list matches all) and `when` is true. */
export interface Rule {
  readonly id: string;
  readonly on: {
    readonly action: readonly string[];
    readonly env: readonly string[] | null;
    /** Ids of targets. */
    readonly target?: readonly string[] | null;
  };
  /** A condition (CEL), or absent: matches always. */
  readonly when?: string;
  readonly effect: RuleEffect;
  readonly because: string | null;
  readonly require: RuleRequirement | null;
  /** Otherwise a review rule is AND-ed with the default requirement. */
  readonly replaces_default: boolean;
  /** On a review rule: the short path of emergencies, taken only by requests that ask for it. */
  readonly break_glass?: boolean;
  /** On a forbid rule: requests on a break-glass path pass it. */
  readonly yields_to_break_glass?: boolean;
  /** On an allow rule: how long an answer on the spot may be relied upon, milliseconds. Absent: five minutes. */
  readonly valid_for_ms?: number;
  /** `rules/sql.yaml:12`, for explanations. Not part of any digest that people decide on. */
  readonly source: string;
}

/** A whole policy: catalogue, rules, targets, directory and clocks, as one value with one digest. */
export interface PolicySet {
  readonly version: 'keyturn/v1';
  readonly environments: readonly string[];
  /** Those of the environments that count as production. */
  readonly production: readonly string[];
  /** Named lists of words, for the schemas of arguments and the classes of data. */
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly defaults: { readonly effect: 'review' | 'forbid'; readonly require: RuleRequirement };
  readonly risk: RiskPolicy;
  readonly windows: readonly CountingWindow[];
  readonly actions: readonly ActionDefinition[];
  readonly targets: readonly Target[];
  readonly rules: readonly Rule[];
  readonly directory: Directory;
  /** By id, as are freezes and rotations. */
  readonly calendars: readonly BusinessCalendar[];
  /** Which of the calendars is `calendar` in conditions. Absent where it is the first one. */
  readonly default_calendar?: string;
  readonly freezes: readonly FreezeWindow[];
  readonly rotations: readonly Rotation[];
  /** By id, which none of `rotations` has. Absent when services keep none. */
  readonly polled_rotations?: readonly PolledRotation[];
  /** Who may throw and lift kill switches. Absent where nobody may. */
  readonly operators?: readonly Selector[];
  /** Who may read every request and the audit log, and do nothing else by it. Absent where nobody may. */
  readonly auditors?: readonly Selector[];
  /** What every reviewer must meet, and why. It is part of each requirement already: this tells whose condition it is. */
  readonly reviewers?: { readonly when: string; readonly because: string };
  /** What facts of actions may be looked up in, by id. */
  readonly tables?: readonly LookupTable[];
}

/**
 * What is counted over time, so that many small requests are seen as one large one. Every matching request reserves its
 * amount when it is planned, and gives it back when it ends without having been performed.
 */
export interface CountingWindow {
  readonly id: string;
  readonly action: readonly string[];
  readonly over_ms: number;
  /** What makes requests count together. `lineage` is the root of it: the person who answers for the agent. */
  readonly per: readonly ('lineage' | 'action' | 'target')[];
  /** A fact such as `plan.rows`, whose values are summed; null counts requests only. */
  readonly sum: string | null;
}

/** The digest that names a policy set in records. */
export function policyDigest(policy: PolicySet): Digest {
  return digestOf(policy);
}

/** What names of Keyturn itself begin with. Policies declare none: what they mean is code. */
const OWN_PREFIX = 'keyturn.';

/** The target of actions on Keyturn itself, by id. */
export const OWN_TARGET = 'keyturn';

const DIGEST_SCHEMA = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' };

/**
 * Publishing a policy, an action on Keyturn itself. In the catalogue of every policy, also of those stored by earlier
 * versions: no policy declares, changes or removes it.
 */
export const PUBLISH = ownAction({
  action: 'keyturn.policy.publish',
  title: 'Publish a policy',
  connector: 'keyturn.policy',
  resource_type: 'keyturn.policy',
  arguments: { candidate: DIGEST_SCHEMA, base: DIGEST_SCHEMA },
});

const REQUEST_SCHEMA = { type: 'string', pattern: '^req_[a-z2-7]{26}$' };

/**
 * The review of an emergency after the fact, in the catalogue like publishing. Keyturn opens it, nobody asks for it:
 * nothing is performed, and what people decide is whether the emergency was one.
 */
export const REVIEW = ownAction({
  action: 'keyturn.review',
  title: 'Review an emergency after the fact',
  connector: null,
  resource_type: 'keyturn.review',
  arguments: { request: REQUEST_SCHEMA },
});

/** What people may find out of an action whose outcome was unknown. */
export const RESOLUTIONS = ['succeeded', 'failed'] as const;

/**
 * The outcome of an action that Keyturn could not find out (`indeterminate`), reported by an operator who looked at
 * the target. In the catalogue like publishing; it changes the record of that request, and nothing at its target.
 */
export const RESOLVE = ownAction({
  action: 'keyturn.resolve',
  title: 'Report the outcome of an action',
  connector: 'keyturn.resolution',
  resource_type: 'keyturn.resolution',
  arguments: { request: REQUEST_SCHEMA, outcome: { type: 'string', enum: [...RESOLUTIONS] } },
});

/** All of its arguments are required, and there are no others. */
function ownAction({
  arguments: properties,
  ...definition
}: Omit<ActionDefinition, 'schema_version' | 'fallback'>): ActionDefinition {
  return {
    ...definition,
    schema_version: 1,
    arguments: {
      type: 'object',
      additionalProperties: false,
      required: Object.keys(properties),
      properties,
    },
    fallback: 'review',
  };
}

/** Every action on Keyturn itself. */
export const OWN_ACTIONS: readonly ActionDefinition[] = [PUBLISH, REVIEW, RESOLVE];

/** The calendar that conditions mean by `calendar`; undefined where policy has none. */
export function defaultCalendarOf({
  calendars,
  default_calendar: named,
}: Pick<PolicySet, 'calendars' | 'default_calendar'>): BusinessCalendar | undefined {
  return named === undefined ? calendars[0] : calendars.find(({ id }) => id === named);
}

/** The catalogue entry of an action, or undefined: an unknown action is forbidden. */
export function actionOf(policy: PolicySet, action: string): ActionDefinition | undefined {
  const own = OWN_ACTIONS.find((known) => known.action === action);
  if (own) return own;
  // Whatever a stored set may say: what Keyturn does to itself is not for policies to define.
  if (isOwnAction(action)) return undefined;
  return policy.actions.find((candidate) => candidate.action === action);
}

/** True for an action on Keyturn itself, such as publishing a policy: never allowed outright, never switched off. */
export function isOwnAction(action: string): boolean {
  return action.startsWith(OWN_PREFIX);
}

/** True for the review of an emergency. What it is about happened already: nobody behind it can make it go away. */
export function isReviewAction(action: string): boolean {
  return action === REVIEW.action;
}

/** True for reporting the outcome of an action: two people do, of whom the first may be the requester. */
export function isResolveAction(action: string): boolean {
  return action === RESOLVE.action;
}

/** True for a name that policies must not declare: of an action, a type of resource, or a target. */
export function isOwnName(name: string): boolean {
  return name === OWN_TARGET || name.startsWith(OWN_PREFIX);
}

/** Keyturn as a target. Its owners are the operators. */
export function ownTarget({ operators = [] }: Pick<PolicySet, 'operators'>): Target {
  return {
    id: OWN_TARGET,
    title: 'Keyturn itself',
    resource_type: PUBLISH.resource_type,
    environment: OWN_TARGET,
    owners: operators,
    connection: {},
  };
}

/** The target with this id, or undefined. */
export function targetOf(policy: PolicySet, id: string): Target | undefined {
  if (id === OWN_TARGET) return ownTarget(policy);
  return targetsById(policy.targets).get(id);
}

/** Targets may be many, and each request asks for one of them several times. */
const targetsById = oncePer(
  (targets: readonly Target[]): ReadonlyMap<string, Target> =>
    // Of two with one id the first counts, as in a list that is searched.
    new Map([...targets].reverse().map((target) => [target.id, target])),
);

/** True when the action is one on this target. Keyturn itself is one target, whatever is done to it. */
export function isTargetOf(
  target: Pick<Target, 'id' | 'resource_type'>,
  { action, resource_type }: Pick<ActionDefinition, 'action' | 'resource_type'>,
): boolean {
  return isOwnAction(action) ? target.id === OWN_TARGET : target.resource_type === resource_type;
}

/** What ties an approval to a target: where and what it is, not who owns it or how it is called. */
export function targetDigest({ id, resource_type, environment, connection }: Target): Digest {
  return digestOf({ id, resource_type, environment, connection });
}
