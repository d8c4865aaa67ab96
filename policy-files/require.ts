import { KEYS } from './keys.ts';
import type { EvidenceGrade, Escalation, RuleRequirement, Stage } from '../domain/request/requirement.ts';
import { reviewerCondition } from '../domain/policy/reviewer-condition.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { namedReviewerTypes } from '../domain/policy/known-names.ts';
import { REVIEWER_FACT_TYPES } from '../domain/policy/built-in-facts.ts';
import { checkCombined, readCondition } from './conditions.ts';
import type { Names } from './names.ts';
import { readSelector } from './selector.ts';
import type { Fields, Value } from './value.ts';

/** What a `require` leaves out is taken from here. */
export type RequireDefaults = Pick<
  RuleRequirement,
  'expires_ms' | 'maximum_age_ms' | 'minimum_grade' | 'order'
>;

/** What the default requirement itself leaves out. */
export const BUILT_IN_DEFAULTS: RequireDefaults = {
  expires_ms: 24 * 3_600_000,
  maximum_age_ms: 24 * 3_600_000,
  minimum_grade: 'C',
  order: 'parallel',
};

/** More people than this in one stage is taken for a typing error. */
const QUORUM_MAX = 20;

/** Of evidence, the strongest first. */
export const GRADES: readonly EvidenceGrade[] = ['A', 'B', 'C'];

export interface RequireContext {
  readonly rule: string;
  readonly names: Names;
  readonly defaults: RequireDefaults;
  /** What all reviewers must meet. */
  readonly reviewers: PolicySet['reviewers'];
}

/** Reads what a rule, or the default, requires. */
export function readRequire(value: Value, context: RequireContext): RuleRequirement {
  const fields = value.fields(KEYS['require']);
  checkOnExpiry(fields.get('on_expiry'));
  const expiresMs = fields.get('expires')?.durationMs() ?? context.defaults.expires_ms;
  return {
    rule: context.rule,
    stages: fields.items('stages').map((stage) => readStage(stage, { names: context.names, expiresMs })),
    order: fields.get('order')?.choice(['parallel', 'sequential']) ?? context.defaults.order,
    expires_ms: expiresMs,
    maximum_age_ms: fields.get('maximum_age')?.durationMs() ?? context.defaults.maximum_age_ms,
    minimum_grade: fields.get('minimum_grade')?.choice(GRADES) ?? context.defaults.minimum_grade,
    ...readReviewer(fields, context),
    ...readClock(fields.get('clock'), context.names),
  };
}

/** Not taken from the default: a rule that names no calendar counts wall-clock time, which is never later. */
function readClock(value: Value | undefined, names: Names): Pick<RuleRequirement, 'clock'> {
  if (value === undefined) return {};
  const clock = value.name();
  names.require('calendar', clock, value);
  return { clock };
}

/** Silence never approves, so only `deny` may be written; it says what happens anyway. */
function checkOnExpiry(value: Value | undefined): void {
  if (value === undefined || (value.isText() && value.text() === 'deny')) return;
  value.refuse('on_expiry can only be deny: silence never approves');
}

const REVIEWER_TYPES = new Map([['reviewers', REVIEWER_FACT_TYPES]]);

/** Reads a condition on reviewers, which sees the reviewer only. */
export function readReviewerCondition(value: Value, names: Names): string {
  const isComplete = names.isComplete('group') && names.isComplete('person');
  const types = isComplete
    ? namedReviewerTypes({ groups: names.all('group'), people: names.all('person') })
    : REVIEWER_FACT_TYPES;
  return readCondition(value, new Map([['reviewers', types]]));
}

function readReviewer(
  fields: Fields,
  { names, reviewers }: RequireContext,
): Pick<RuleRequirement, 'is_reason_required' | 'reviewer_when'> {
  const reviewer = fields.get('reviewer')?.fields(KEYS['require.reviewer']);
  const condition = reviewer?.get('when');
  const own = condition && readReviewerCondition(condition, names);
  const combined = reviewerCondition(reviewers, own);
  if (own && reviewers) checkCombined(condition, [reviewers.when, own], REVIEWER_TYPES);
  return {
    is_reason_required: reviewer?.get('reason')?.choice(['optional', 'required']) === 'required',
    ...(combined === undefined ? {} : { reviewer_when: combined }),
  };
}

interface StageContext {
  readonly names: Names;
  readonly expiresMs: number;
}

function readStage(value: Value, context: StageContext): Stage {
  const fields = value.fields(KEYS['require.stages']);
  return {
    any: fields.names('any').map((selector) => readSelector(selector, context.names)),
    quorum: fields.get('quorum')?.integer({ min: 1, max: QUORUM_MAX }) ?? 1,
    escalate: fields.items('escalate').map((step) => readEscalation(step, context)),
  };
}

function readEscalation(value: Value, { names, expiresMs }: StageContext): Escalation {
  const fields = value.fields(KEYS['require.stages.escalate']);
  const after = fields.get('after');
  const to = fields.get('to');
  const afterMs = after?.durationMs() ?? 0;
  if (expiresMs > 0 && afterMs >= expiresMs)
    after?.refuse('escalates only when the request has already expired');
  return { after_ms: afterMs, to: to ? readSelector(to, names) : 'owners' };
}
