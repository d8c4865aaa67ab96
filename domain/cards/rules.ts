import type { RuleRequirement } from '../request/requirement.ts';
import {
  clockText,
  duration,
  escalationText,
  scopeText,
  seatsText,
  termsOf,
  type RuleInPolicy,
} from './words.ts';

/** A rule of a policy. */
export interface ReadableRule extends Required<Pick<RuleInPolicy, 'id' | 'because'>> {
  readonly effect: NonNullable<RuleInPolicy['effect']>;
  readonly on: NonNullable<RuleInPolicy['on']>;
  readonly when?: string;
  readonly source: string;
  readonly require: RuleRequirement | null;
  readonly replaces_default: boolean;
  readonly break_glass?: boolean;
  readonly yields_to_break_glass?: boolean;
  readonly valid_for_ms?: number;
}

/** One rule as people read it. Its condition stands beside, as its author wrote it. */
export function ruleInWords(rule: ReadableRule) {
  const { id, effect, because, source, when, require } = rule;
  return {
    id,
    effect,
    because,
    source,
    scope: scopeText(rule),
    when: when ?? null,
    notes: notesOf(rule),
    requirement: require && requirementInWords(require),
  };
}

/** Who must agree, and on which terms. */
export function requirementInWords(require: RuleRequirement) {
  const { stages, order, clock, expires_ms: expires } = require;
  return {
    order,
    stages: stages.map((stage) => ({
      words: seatsText(stage),
      escalations: stage.escalate.map((step) => escalationText(step, clock)),
    })),
    terms: [`expires after ${duration(expires)}${clockText(clock)}, which is a denial`, ...termsOf(require)],
  };
}

function notesOf(rule: ReadableRule): string[] {
  const { effect, valid_for_ms: validFor } = rule;
  return [
    ...(effect === 'review'
      ? [rule.replaces_default ? 'in place of the default requirement' : 'beside the default requirement']
      : []),
    ...(rule.break_glass ? ['only where a request takes the break-glass path'] : []),
    ...(rule.yields_to_break_glass ? ['not on a break-glass path'] : []),
    ...(validFor === undefined ? [] : [`an answer may be relied upon for ${duration(validFor)}`]),
  ];
}
