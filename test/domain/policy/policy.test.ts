import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { expiryMs } from '../../../domain/calendar/deadlines.ts';
import { requirementDigest, ruleRequirementDigest } from '../../../domain/request/digests.ts';
import { tightened } from '../../../domain/policy/combined-requirement.ts';
import { evaluate as evaluateIn, type Evaluation } from '../../../domain/policy/evaluation.ts';
import {
  actionOf,
  policyDigest,
  targetOf,
  type PolicySet,
  type Rule,
} from '../../../domain/policy/policy.ts';
import { planFacts, type PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import type { Requirement } from '../../../domain/request/requirement.ts';
import {
  ACTION,
  anyRuleRequirement,
  anyRequirement,
  DEFAULT_REQUIREMENT,
  reviewBy,
  exampleRule,
  FACTS,
  PLAN,
  policyOf,
  requirement,
  sorted,
  stage,
  TARGET,
} from '../examples.ts';

const EFFECTS = ['allow', 'review', 'forbid'] as const;

const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    id: fc.uuid(),
    effect: fc.constantFrom(...EFFECTS),
    require: anyRuleRequirement,
    replaces_default: fc.boolean(),
    env: fc.constantFrom(null, ['prod'], ['staging']),
  })
  .map(({ id, effect, require, env, ...rest }) =>
    exampleRule(id, effect, {
      require: effect === 'review' ? require : null,
      replaces_default: effect === 'review' && rest.replaces_default,
      on: { action: [ACTION.action], env },
    }),
  );

const anyPolicy: fc.Arbitrary<PolicySet> = fc
  .record({
    rules: fc.array(anyRule, { maxLength: 5 }),
    effect: fc.constantFrom('review' as const, 'forbid' as const),
    fallback: fc.constantFrom('review' as const, 'forbid' as const),
  })
  .map(({ rules, effect, fallback }) =>
    policyOf(rules, {
      defaults: { effect, require: DEFAULT_REQUIREMENT },
      actions: [{ ...ACTION, fallback }],
    }),
  );

const evaluate = (policy: PolicySet, facts: PolicyFacts): Evaluation => evaluateIn(policy, facts, 'planned');

const names = (evaluation: Evaluation): readonly string[] =>
  sorted((evaluation.requirement?.rules ?? []).map((one) => one.rule));

function effectOf(...effects: readonly Rule['effect'][]): Rule['effect'] {
  return evaluate(policyOf(effects.map((effect) => exampleRule(effect, effect))), FACTS).effect;
}

/** True when whatever satisfies `strict` also satisfies `loose`. */
function isAtLeastAsStrict(strict: Requirement, loose: Requirement): boolean {
  const required = new Set(strict.rules.map(ruleRequirementDigest));
  return (
    loose.rules.every((one) => required.has(ruleRequirementDigest(one))) &&
    strict.distinct_people >= loose.distinct_people &&
    expiryMs(strict.rules, [], 0) <= expiryMs(loose.rules, [], 0)
  );
}

describe('policy', () => {
  it('forbids rather than reviews, and reviews rather than allows', () => {
    expect(effectOf('allow', 'review', 'forbid')).toBe('forbid');
    expect(effectOf('allow', 'review')).toBe('review');
    expect(effectOf('allow', 'forbid')).toBe('forbid');
    expect(effectOf('allow')).toBe('allow');
  });

  it('reviews by the default requirement when no rule matches', () => {
    const elsewhere = exampleRule('elsewhere', 'allow', {
      on: { action: [ACTION.action], env: ['staging'] },
    });
    const other = exampleRule('other', 'allow', { on: { action: ['aws.iam.attach'], env: null } });
    const evaluation = evaluate(policyOf([elsewhere, other]), FACTS);
    expect(evaluation).toMatchObject({ effect: 'review', rules: [] });
    expect(evaluation.requirement?.rules).toEqual([DEFAULT_REQUIREMENT]);
  });

  it('forbids an action that the catalogue does not list, whatever the rules say', () => {
    const open = policyOf([exampleRule('open', 'allow', { on: { action: ['rm.everything'], env: null } })]);
    expect(evaluate(open, { ...FACTS, action: 'rm.everything' })).toMatchObject({
      effect: 'forbid',
      requirement: null,
    });
  });

  it('forbids when no rule matches and the action or the default says so', () => {
    const byAction = policyOf([], { actions: [{ ...ACTION, fallback: 'forbid' }] });
    const byDefault = policyOf([], { defaults: { effect: 'forbid', require: DEFAULT_REQUIREMENT } });
    for (const policy of [byAction, byDefault]) expect(evaluate(policy, FACTS).effect).toBe('forbid');
  });

  it('asks the default as well as a review rule, unless the rule replaces it', () => {
    const added = evaluate(policyOf([exampleRule('dba', 'review')]), FACTS);
    expect(names(added)).toEqual(['dba', 'default']);
    const replaced = evaluate(policyOf([exampleRule('dba', 'review', { replaces_default: true })]), FACTS);
    expect(names(replaced)).toEqual(['dba']);
  });

  it('opens what is closed by default only for a review rule that says it replaces the default', () => {
    const closed = { defaults: { effect: 'forbid' as const, require: DEFAULT_REQUIREMENT } };
    const added = exampleRule('dba', 'review');
    expect(evaluate(policyOf([added], closed), FACTS).effect).toBe('forbid');
    expect(evaluate(policyOf([{ ...added, replaces_default: true }], closed), FACTS).effect).toBe('review');
  });

  it('asks everything that any of the matched review rules asks, each once', () => {
    const twin = exampleRule('twin', 'review', {
      require: reviewBy([stage(['group:dba'])], { rule: 'twin' }),
    });
    const policy = policyOf([exampleRule('dba', 'review'), twin, exampleRule('leads', 'review')]);
    expect(evaluate(policy, FACTS).requirement?.rules).toHaveLength(3);
  });

  it('carries the risk of the plan into the requirement', () => {
    const plan = {
      ...planFacts(PLAN),
      is_fully_previewed: false,
      is_destructive: true,
      is_reversible: false,
    };
    const evaluation = evaluate(policyOf([]), { ...FACTS, plan });
    expect(evaluation.risk.tier).toBe('critical');
    expect(evaluation.requirement).toMatchObject({ risk: 'critical', distinct_people: 2 });
  });

  it('explains itself with the matched rules and their places', () => {
    const policy = policyOf([exampleRule('dba', 'review', { because: 'two pairs of eyes' })]);
    expect(evaluate(policy, FACTS).rules).toEqual([
      {
        id: 'dba',
        source: 'rules/dba.yaml:1',
        because: 'two pairs of eyes',
        effect: 'review',
        is_error: false,
        read: [],
      },
    ]);
  });

  it('requires the same whatever the order of rules', () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        const one = evaluate(policy, FACTS);
        const other = evaluate({ ...policy, rules: [...policy.rules].reverse() }, FACTS);
        expect(other.effect).toBe(one.effect);
        if (one.requirement && other.requirement) {
          expect(requirementDigest(other.requirement)).toBe(requirementDigest(one.requirement));
        }
      }),
    );
  });

  it('never loosens when a forbid rule, or a review rule that does not replace the default, is added', () => {
    const addition = anyRule
      .filter((one) => one.effect !== 'allow')
      .map((one) => ({ ...one, replaces_default: false }));
    const rank = { allow: 0, review: 1, forbid: 2 };
    fc.assert(
      fc.property(anyPolicy, addition, fc.nat(5), (policy, added, at) => {
        const before = evaluate(policy, FACTS);
        const after = evaluate({ ...policy, rules: policy.rules.toSpliced(at, 0, added) }, FACTS);
        expect(rank[after.effect]).toBeGreaterThanOrEqual(rank[before.effect]);
        if (before.requirement && after.requirement) {
          expect(isAtLeastAsStrict(after.requirement, before.requirement)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('has a digest that changes with anything in it', () => {
    const base = policyOf([exampleRule('dba', 'review')]);
    const others = [
      policyOf([]),
      policyOf([exampleRule('dba', 'forbid')]),
      { ...base, environments: ['prod'] },
      { ...base, targets: [{ ...TARGET, owners: ['user:ada'] }] },
      { ...base, directory: { ...base.directory, groups: [] } },
    ];
    expect(new Set([base, ...others].map(policyDigest)).size).toBe(others.length + 1);
    expect(policyDigest(structuredClone(base))).toBe(policyDigest(base));
  });

  it('finds actions and targets by exact name only', () => {
    const policy = policyOf([]);
    expect(actionOf(policy, ACTION.action)).toBe(ACTION);
    expect(actionOf(policy, 'constructor')).toBeUndefined();
    expect(targetOf(policy, TARGET.id)).toBe(TARGET);
    expect(targetOf(policy, 'Shop-Production')).toBeUndefined();
  });
});

describe('tightening', () => {
  const digest = requirementDigest;

  it('does not depend on order, grouping or repetition', () => {
    fc.assert(
      fc.property(anyRequirement, anyRequirement, anyRequirement, (a, b, c) => {
        expect(digest(tightened(a, b))).toBe(digest(tightened(b, a)));
        expect(digest(tightened(tightened(a, b), c))).toBe(digest(tightened(a, tightened(b, c))));
        expect(digest(tightened(a, a))).toBe(digest(a));
      }),
    );
  });

  it('is at least as strict as either side, and never lowers the risk', () => {
    const tiers = ['low', 'medium', 'high', 'critical'];
    fc.assert(
      fc.property(anyRequirement, anyRequirement, (old, fresh) => {
        const both = tightened(old, fresh);
        expect(isAtLeastAsStrict(both, old)).toBe(true);
        expect(isAtLeastAsStrict(both, fresh)).toBe(true);
        expect(tiers.indexOf(both.risk)).toBe(Math.max(tiers.indexOf(old.risk), tiers.indexOf(fresh.risk)));
      }),
    );
  });

  it('keeps what was asked when policy now asks for less', () => {
    const old = requirement([reviewBy([stage(['group:dba'], 2)])], { distinct_people: 2, risk: 'critical' });
    const fresh = requirement([DEFAULT_REQUIREMENT]);
    expect(tightened(old, fresh)).toMatchObject({ risk: 'critical', distinct_people: 2 });
    expect(tightened(old, fresh).rules).toHaveLength(2);
  });
});
