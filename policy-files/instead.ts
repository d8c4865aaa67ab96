import { KEYS } from './keys.ts';
import { allOf, not } from '../domain/conditions/combined.ts';
import type { Rule } from '../domain/policy/policy.ts';
import type { RuleRequirement, Selector } from '../domain/request/requirement.ts';
import { checkCombined, readCondition, typesOn, type TypesByAction } from './conditions.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import { readSelector } from './selector.ts';
import type { Value } from './value.ts';

const SUFFIX = '.instead';

/** No name is longer than this. */
const NAME_LENGTH_MAX = 63;

interface InsteadContext {
  readonly names: Names;
  readonly types: TypesByAction;
}

/**
 * Reads `instead`: the reviewers who replace others of a rule while a condition holds. It becomes two rules, of which one holds
 * when the other does not, so that nothing behind the files knows of it. Where the condition cannot be evaluated, both
 * hold, and both are asked.
 */
export function readInstead(value: Value, rule: Rule, { names, types }: InsteadContext): readonly Rule[] {
  const fields = value.fields(KEYS['rules.instead']);
  const [of, ask, at] = [fields.get('of'), fields.get('ask'), fields.get('when')];
  if (!of || !ask || !at) return [rule];
  const [away, standIn] = [readSelector(of, names), readSelector(ask, names)];
  if (rule.require === null) {
    value.refuse('only a review rule can name other reviewers instead');
    return [rule];
  }
  if (!asks(rule.require, away)) of.refuse(`the rule has no reviewer ${quote(away)}`);
  refuseSame(ask, away, standIn);
  const facts = typesOn(rule.on.action, types);
  const condition = readCondition(at, facts);
  const [usual, other] = [not(condition), condition].map((text) => withOwn(rule.when, text));
  if (rule.when !== undefined) checkCombined(at, [rule.when, not(condition)], facts);
  declareStandIn(value, rule.id, names);
  return [
    { ...rule, when: usual ?? '' },
    { ...rule, id: `${rule.id}${SUFFIX}`, when: other ?? '', require: replaced(rule, away, standIn) },
  ];
}

function refuseSame(ask: Value, away: Selector, standIn: Selector): void {
  if (away === standIn) ask.refuse('nobody stands in for themselves');
}

function withOwn(own: string | undefined, condition: string): string {
  return own === undefined ? condition : allOf(own, condition);
}

function declareStandIn(value: Value, id: string, names: Names): void {
  const name = `${id}${SUFFIX}`;
  if (name.length > NAME_LENGTH_MAX)
    value.refuse(
      `the id of the rule is too long: ${quote(name)} would have more than ${NAME_LENGTH_MAX} characters`,
    );
  names.declare('rule', name, value);
}

function asks({ stages }: RuleRequirement, selector: Selector): boolean {
  return stages.some(({ any, escalate }) => [...any, ...escalate.map(({ to }) => to)].includes(selector));
}

function replaced({ id, require }: Rule, away: Selector, standIn: Selector): RuleRequirement | null {
  const swap = (selector: Selector): Selector => (selector === away ? standIn : selector);
  return (
    require && {
      ...require,
      rule: `${id}${SUFFIX}`,
      stages: require.stages.map(({ any, quorum, escalate }) => ({
        any: [...new Set(any.map(swap))],
        quorum,
        escalate: escalate.map((step) => ({ ...step, to: swap(step.to) })),
      })),
    }
  );
}
