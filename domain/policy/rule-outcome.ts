import type { Expression } from '../conditions/expression.ts';
import type { BoundFacts } from '../conditions/binding.ts';
import type { ValueRead } from '../conditions/values-read.ts';
import { markedValues, type BoundViews } from './declared-views.ts';
import type { Rule } from './policy.ts';
import type { IndexedRule } from './rule-index.ts';

/** What the condition of a rule comes to. `undecided`: facts are missing; `error`: it could not be evaluated. */
export type Outcome = 'matched' | 'unmatched' | 'undecided' | 'error';

/** A rule with what its condition came to. */
export interface Evaluated extends IndexedRule {
  readonly outcome: Outcome;
  /** The facts by which it came to that. */
  readonly view: BoundFacts;
  readonly views: BoundViews;
}

/** Evaluates the condition of a rule over every view of the facts: the strictest one counts. */
export function evaluateRule({ rule, condition, number }: IndexedRule, views: BoundViews): Evaluated {
  if (condition === null) return { rule, condition, number, outcome: 'matched', view: views.all, views };
  const { kind, view } = answerOf(rule, condition, views);
  return { rule, condition, number, outcome: OUTCOMES[kind], view, views };
}

function answerOf(rule: Rule, condition: Expression, views: BoundViews): Answer {
  const isLoosening = rule.effect === 'allow' || rule.break_glass === true;
  const answer = strictestOf(views, condition, isLoosening ? LOOSENING : TIGHTENING);
  if (views.others.length === 0 || !rule.replaces_default || answer.kind !== 'true') return answer;
  // In doubt its people are asked, and those of the default as well.
  const isSure = strictestOf(views, condition, LOOSENING).kind === 'true';
  return isSure ? answer : { ...answer, kind: 'error' };
}

type Kind = keyof typeof OUTCOMES;

/** The same, and by which of the views. */
type Answer = Pick<Evaluated, 'view'> & { readonly kind: Kind };

/** Of a condition that lets something through: it does not hold unless it holds in every view. */
export const LOOSENING: readonly Kind[] = ['false', 'error', 'unknown', 'true'];

/** Of a condition that stops something or asks for more: it holds where it holds in any view. */
export const TIGHTENING: readonly Kind[] = ['true', 'error', 'unknown', 'false'];

/** What a condition comes to in the view where that comes first in `order`. */
export function strictestOf(
  { all, others }: BoundViews,
  condition: Expression,
  order: readonly Kind[],
): Answer {
  let strictest: Answer = { kind: condition.evaluate(all).kind, view: all };
  for (const view of others) {
    const { kind } = condition.evaluate(view);
    if (order.indexOf(kind) < order.indexOf(strictest.kind)) strictest = { kind, view };
  }
  return strictest;
}

const OUTCOMES = { true: 'matched', false: 'unmatched', unknown: 'undecided', error: 'error' } as const;

/** The values that its condition read. */
export function readBy({ condition, view, views }: Evaluated): readonly ValueRead[] {
  return condition === null ? [] : markedValues((facts) => condition.valuesRead(facts), view, views);
}
