/** Who may fill a seat: the owners, the members of a group, one person, or who is on call. */
export type Selector = 'owners' | `group:${string}` | `user:${string}` | `oncall:${string}`;

/** How strongly a decision is bound to a person and to the words decided on; A is strongest (design: words). */
export type EvidenceGrade = 'A' | 'B' | 'C' | 'D';

/** From `after_ms` after the stage opened, on the rule's clock, `to` may decide too and is told. */
export interface Escalation {
  readonly after_ms: number;
  readonly to: Selector;
}

/** `quorum` distinct people out of any of the selectors. */
export interface Stage {
  readonly any: readonly Selector[];
  readonly quorum: number;
  readonly escalate: readonly Escalation[];
}

/** What one matched rule demands. All matched rules must be satisfied; inside one rule a person fills one seat. */
export interface RuleRequirement {
  /** The rule that demands it. A label for people: not part of the requirement digest. */
  readonly rule: string;
  readonly stages: readonly Stage[];
  readonly order: 'parallel' | 'sequential';
  /** A request not decided this long after it first became pending is denied as expired. */
  readonly expires_ms: number;
  /** An approval older than this no longer counts. */
  readonly maximum_age_ms: number;
  readonly minimum_grade: EvidenceGrade;
  readonly is_reason_required: boolean;
  /** A condition (CEL) that a reviewer must meet as well; it can only take away. Absent: none. */
  readonly reviewer_when?: string;
  /** Id of the calendar whose business time escalations and the expiry count. Absent: wall time. */
  readonly clock?: string;
}

/** Whom a stage ever asks. */
export function selectorsOfStage({ any, escalate }: Stage): readonly Selector[] {
  return [...any, ...escalate.map(({ to }) => to)];
}

/** Whom a rule ever asks. */
export function selectorsOfRule({ stages }: RuleRequirement): readonly Selector[] {
  return stages.flatMap(selectorsOfStage);
}

/** How much could go wrong, computed from server-made facts only. */
export type RiskTier = 'low' | 'medium' | 'high' | 'critical';

/**
 * How much of a request may be shown where it is not opened itself: everything that is shown there otherwise, what is
 * asked for without details, or only that somebody is asked and where to look.
 */
export type ChannelLimit = 'all' | 'summary' | 'link';

/** What policy requires before the action may run. */
export interface Requirement {
  readonly risk: RiskTier;
  /** Distinct people over the whole request, whatever the rules say. */
  readonly distinct_people: number;
  readonly rules: readonly RuleRequirement[];
  /** What channels may show of it. Absent: all. */
  readonly channels?: Exclude<ChannelLimit, 'all'>;
}

/** A requirement of nobody: the decision digest still binds what was allowed. */
export function requiresNobody(risk: RiskTier): Requirement {
  return { risk, distinct_people: 0, rules: [] };
}

/** How strongly a signed-in session, a token or a ticket binds a person to the words decided on. */
export const SESSION_GRADE = 'C' as const;

/** True when `grade` is at least as strong as `minimum`. */
export function isGradeSufficient(grade: EvidenceGrade, minimum: EvidenceGrade): boolean {
  return grade <= minimum;
}
