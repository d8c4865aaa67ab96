import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import {
  actionOf,
  ownTarget,
  PUBLISH,
  targetOf,
  type PolicySet,
  type Rule,
} from '../../../domain/policy/policy.ts';
import { planFacts, type PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import { ACTION, reviewBy, exampleRule, FACTS, PLAN, policyOf, stage, TARGET } from '../examples.ts';

const OPERATORS: Partial<PolicySet> = { operators: ['group:data'] };

/** A rule about publishing. Files cannot say everything that a hostile hand could write into the database. */
function ownRule(effect: Rule['effect'], changes: Partial<Rule> = {}): Rule {
  return exampleRule(effect, effect, { on: { action: [PUBLISH.action], env: null }, ...changes });
}

function publish(policy: PolicySet, loosening: boolean | null = false): Evaluation {
  const risk_facts = { ...PLAN.risk_facts, ...(loosening === null ? {} : { is_loosening: loosening }) };
  const facts: PolicyFacts = {
    ...FACTS,
    action: PUBLISH.action,
    target: ownTarget(policy),
    plan: planFacts({ ...PLAN, risk_facts }),
  };
  return evaluate(policy, facts, 'planned');
}

const anyRules = fc.array(
  fc
    .record({
      effect: fc.constantFrom('allow' as const, 'review' as const),
      replaces_default: fc.boolean(),
      break_glass: fc.boolean(),
    })
    .map(({ effect, ...flags }) => ownRule(effect, effect === 'review' ? flags : {})),
  { maxLength: 4 },
);

describe('publishing a policy', () => {
  it('is in every policy, and no policy defines it', () => {
    const fake = { ...ACTION, action: PUBLISH.action };
    const policy = policyOf([], { actions: [fake], targets: [{ ...TARGET, id: 'keyturn' }] });
    expect(actionOf(policy, PUBLISH.action)).toBe(PUBLISH);
    expect(targetOf(policy, 'keyturn')).toEqual(ownTarget(policy));
    expect(
      actionOf(policyOf([], { actions: [{ ...ACTION, action: 'keyturn.other' }] }), 'keyturn.other'),
    ).toBe(undefined);
  });

  it('is never allowed outright, whatever rules a stored policy holds', () => {
    fc.assert(
      fc.property(anyRules, fc.boolean(), fc.constantFrom('review', 'forbid'), (rules, loosening, effect) => {
        const defaults = { effect: effect as 'review' | 'forbid', require: reviewBy([stage(['owners'])]) };
        const evaluation = publish(policyOf(rules, { ...OPERATORS, defaults }), loosening);
        expect(evaluation.effect).toBe('review');
        expect(evaluation.requirement?.distinct_people).toBeGreaterThanOrEqual(loosening ? 2 : 1);
      }),
    );
  });

  it('takes two different people when it loosens, and where that is not known', () => {
    const policy = policyOf([], OPERATORS);
    expect(publish(policy, true).requirement?.distinct_people).toBe(2);
    expect(publish(policy, null).requirement?.distinct_people).toBe(2);
    expect(publish(policy, false).requirement?.distinct_people).toBe(1);
  });

  it('is for the operators to review without a rule, and besides a rule that does not replace that', () => {
    const people = (evaluation: Evaluation): readonly string[] =>
      (evaluation.requirement?.rules ?? [])
        .map((rule) => rule.stages.flatMap(({ any }) => any).join())
        .sort((left, right) => (left < right ? -1 : 1));
    expect(people(publish(policyOf([], OPERATORS)))).toEqual(['group:data']);
    expect(people(publish(policyOf([ownRule('review')], OPERATORS)))).toEqual(['group:data', 'group:review']);
    const replacing = ownRule('review', { replaces_default: true });
    expect(people(publish(policyOf([replacing], OPERATORS)))).toEqual(['group:review']);
    expect(people(publish(policyOf([])))).toEqual(['owners']);
  });

  it('can be forbidden', () => {
    expect(publish(policyOf([ownRule('forbid'), ownRule('allow')])).effect).toBe('forbid');
  });

  it('is not weighed by risk lines about the arguments of other actions', () => {
    const line = { weight: 90, because: 'many', when: 'args.count > 3' };
    const risk = { ...policyOf([]).risk, lines: [line] };
    expect(publish(policyOf([], { risk }))).toMatchObject({ risk: { tier: 'low' }, is_degraded: false });
  });
});
