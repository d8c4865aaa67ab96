import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { evaluate, offersBreakGlass } from '../../../domain/policy/evaluation.ts';
import type { Phase, PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import type { ActionDefinition, PolicySet, Rule } from '../../../domain/policy/policy.ts';
import type { RiskLine } from '../../../domain/policy/risk.ts';
import {
  ACTION,
  DEFAULT_REQUIREMENT,
  reviewBy,
  exampleRule,
  FACTS,
  policyOf,
  stage,
  TARGET,
} from '../examples.ts';

const READ = { ...ACTION, action: 'sql.read' };
const WRITE = { ...ACTION, action: 'sql.write' };
const GATED = { ...ACTION, action: 'deploy.release', connector: null };
const UNPLANNED: PolicyFacts = { ...FACTS, plan: null, windows: null };

const rowsOf = (rows_changed: number, changes: Partial<PolicyFacts> = {}): PolicyFacts => ({
  ...FACTS,
  ...changes,
  plan: FACTS.plan && { ...FACTS.plan, rows_changed },
});

function ruleWhen(when: string, effect: Rule['effect'], changes: Partial<Rule> = {}): Rule {
  return exampleRule(effect, effect, { when, ...changes });
}

function effectOf(rules: readonly Rule[], facts: PolicyFacts = FACTS, phase: Phase = 'planned'): string {
  return evaluate(policyOf(rules), facts, phase).effect;
}

describe('a condition', () => {
  it('decides whether its rule matches', () => {
    const rules = [ruleWhen('plan.rows > 100', 'forbid')];
    expect(effectOf(rules, rowsOf(100))).toBe('review');
    expect(effectOf(rules, rowsOf(101))).toBe('forbid');
  });

  it('that cannot be evaluated counts as true on forbid and review, and as false on allow', () => {
    const broken = { ...FACTS, target: { ...TARGET, tags: [7 as unknown as string] } };
    const tagged = 'resource.tags.exists(t, t == "sox")';
    expect(evaluate(policyOf([ruleWhen(tagged, 'forbid')]), broken, 'planned')).toMatchObject({
      effect: 'forbid',
      is_degraded: true,
      rules: [{ id: 'forbid', is_error: true }],
    });
    expect(effectOf([ruleWhen(tagged, 'allow')], broken)).toBe('review');
    const review = evaluate(
      policyOf([ruleWhen(tagged, 'review', { replaces_default: true })]),
      broken,
      'planned',
    );
    expect(review).toMatchObject({ effect: 'review', is_degraded: true });
    // What only failed replaces nothing: the default is asked as well.
    expect(review.requirement?.rules).toHaveLength(2);
  });

  it('on a list that is too long forbids, degraded, whatever stands last in it', () => {
    const tags = Array.from({ length: 257 }, (_, index) => (index === 256 ? 'sox' : 'other'));
    const facts = { ...FACTS, target: { ...TARGET, tags } };
    const rules = [ruleWhen('resource.tags.exists(t, t == "sox")', 'forbid')];
    expect(evaluate(policyOf(rules), facts, 'planned')).toMatchObject({
      effect: 'forbid',
      is_degraded: true,
    });
  });
});

describe('before the plan', () => {
  const policy = policyOf(
    [
      ruleWhen('plan.rows <= 1000', 'allow', { on: { action: ['sql.read'], env: null } }),
      ruleWhen('plan.rows > 100000', 'forbid', { on: { action: ['sql.write'], env: null } }),
    ],
    { actions: [READ, WRITE] },
  );

  it('nothing is denied for want of facts: a small read is allowed later, a small write gets the default review', () => {
    for (const action of ['sql.read', 'sql.write']) {
      const early = evaluate(policy, { ...UNPLANNED, action }, 'creation');
      expect(early.rules).toEqual([]);
      expect(early.undecided).toHaveLength(1);
    }
    expect(evaluate(policy, rowsOf(10, { action: 'sql.read' }), 'planned').effect).toBe('allow');
    expect(evaluate(policy, rowsOf(10, { action: 'sql.write' }), 'planned').effect).toBe('review');
    expect(evaluate(policy, rowsOf(100_001, { action: 'sql.write' }), 'planned').effect).toBe('forbid');
  });

  it('a forbid by known facts acts at once, and one that is true whatever the plan says, too', () => {
    const known = [ruleWhen('resource.production', 'forbid')];
    expect(effectOf(known, UNPLANNED, 'creation')).toBe('forbid');
    const either = [ruleWhen('resource.production || plan.rows > 5', 'forbid')];
    expect(effectOf(either, UNPLANNED, 'creation')).toBe('forbid');
  });

  it('after planning, a plan that is missing is an error, and so forbids', () => {
    expect(evaluate(policyOf([ruleWhen('plan.rows > 5', 'forbid')]), UNPLANNED, 'planned')).toMatchObject({
      effect: 'forbid',
      is_degraded: true,
    });
  });
});

describe('risk', () => {
  it('is not computed from facts that an action does not have', () => {
    const gated = policyOf([], { actions: [GATED] });
    const { risk, is_degraded } = evaluate(
      gated,
      { ...UNPLANNED, action: GATED.action, windows: {} },
      'planned',
    );
    expect(risk.reasons).toEqual(['production']);
    expect(is_degraded).toBe(false);
  });

  it('counts a line that holds by the facts that the action has, whatever else the line asks about', () => {
    const lines = [
      { weight: 5, because: 'large, or production', when: 'plan.rows > 100 || resource.production' },
      { weight: 1, because: 'large', when: 'plan.rows > 100' },
    ];
    const policy = policyOf([], { actions: [GATED] });
    const facts = { ...UNPLANNED, action: GATED.action, windows: {} };
    const { risk, is_degraded } = evaluate({ ...policy, risk: { ...policy.risk, lines } }, facts, 'planned');
    expect(risk).toMatchObject({ tier: 'critical', reasons: ['large, or production'] });
    expect(is_degraded).toBe(false);
  });

  it('is in doubt, and higher, when facts are missing that an action without a plan should have', () => {
    const lines = [{ weight: 5, because: 'many', when: 'windows.asked.count > 9' }];
    const asked = { id: 'asked', action: [GATED.action], over_ms: 1, per: ['lineage' as const], sum: null };
    const policy = policyOf([], { actions: [GATED], windows: [asked] });
    const facts = { ...UNPLANNED, action: GATED.action };
    expect(evaluate({ ...policy, risk: { ...policy.risk, lines } }, facts, 'planned')).toMatchObject({
      risk: { tier: 'critical' },
      is_degraded: true,
    });
  });

  const argued = (name: string): ActionDefinition => ({
    ...GATED,
    action: name,
    arguments: { type: 'object', required: ['destroys'], properties: { destroys: { type: 'integer' } } },
  });
  const withLines = (lines: readonly RiskLine[]): PolicySet => {
    const policy = policyOf([], { actions: [argued('infra.apply'), argued('dns.apply')] });
    return { ...policy, risk: { ...policy.risk, lines: [...policy.risk.lines, ...lines] } };
  };
  const riskOf = (policy: PolicySet, action: string, args: PolicyFacts['args']): unknown =>
    evaluate(policy, { ...UNPLANNED, action, args, windows: {} }, 'planned').risk;
  const ON = { action: ['infra.apply'], env: null };
  const ON_INFRA: RiskLine = {
    on: ON,
    weight: 4,
    because: 'deletes',
    when: 'args.destroys > 0',
  };

  it('of a line about one action is computed from its arguments, and for no other action', () => {
    const policy = withLines([ON_INFRA]);
    expect(riskOf(policy, 'infra.apply', { destroys: 1 })).toMatchObject({ tier: 'critical', score: 5 });
    expect(riskOf(policy, 'infra.apply', { destroys: 0 })).toMatchObject({ score: 1 });
    expect(riskOf(policy, 'dns.apply', { destroys: 1 })).toEqual(
      riskOf(withLines([]), 'dns.apply', { destroys: 1 }),
    );
  });

  it('of a line about one environment holds there alone', () => {
    const line = { ...ON_INFRA, on: { action: ['infra.apply'], env: ['staging'] } };
    expect(riskOf(withLines([line]), 'infra.apply', { destroys: 1 })).toMatchObject({ score: 1 });
  });

  it('of a line that names its action counts when the argument is missing or of another type', () => {
    for (const args of [{}, { destroys: 'none' }, { destroys: null }]) {
      const evaluation = evaluate(
        withLines([ON_INFRA]),
        { ...UNPLANNED, action: 'infra.apply', args, windows: {} },
        'planned',
      );
      expect(evaluation).toMatchObject({ risk: { tier: 'critical' }, is_degraded: true });
    }
  });

  it('of a line that names an action without its facts counts as well', () => {
    const unnamed = { weight: 4, because: 'rows', when: 'plan.rows > 5' };
    const named = { ...unnamed, on: ON };
    expect(riskOf(withLines([unnamed]), 'infra.apply', { destroys: 0 })).toMatchObject({ score: 1 });
    expect(riskOf(withLines([named]), 'infra.apply', { destroys: 0 })).toMatchObject({ score: 5 });
  });

  it('is never lowered by a line about another action', () => {
    const anyLine = fc.record({
      on: fc.record({
        action: fc.subarray(['infra.apply', 'dns.apply'], { minLength: 1 }),
        env: fc.constantFrom(null, ['prod'], ['staging']),
      }),
      weight: fc.integer({ min: 1, max: 5 }),
      because: fc.constant('any'),
      when: fc.constantFrom('args.destroys > 0', 'args.destroys > 5', 'resource.production'),
    });
    fc.assert(
      fc.property(fc.array(anyLine), anyLine, fc.integer({ min: 0, max: 9 }), (lines, more, destroys) => {
        for (const action of ['infra.apply', 'dns.apply']) {
          const before = evaluate(
            withLines(lines),
            { ...UNPLANNED, action, args: { destroys }, windows: {} },
            'planned',
          );
          const after = evaluate(
            withLines([...lines, more]),
            { ...UNPLANNED, action, args: { destroys }, windows: {} },
            'planned',
          );
          expect(after.risk.score).toBeGreaterThanOrEqual(before.risk.score);
          if (!more.on.action.includes(action)) expect(after.risk).toEqual(before.risk);
        }
      }),
    );
  });

  it('counts a line that cannot be evaluated, and says so', () => {
    const lines = [{ weight: 5, because: 'tagged', when: 'resource.tags.exists(t, t == "x")' }];
    const policy = policyOf([]);
    const facts = { ...FACTS, target: { ...TARGET, tags: [7 as unknown as string] } };
    const changed = { ...policy, risk: { ...policy.risk, lines } };
    expect(evaluate(changed, facts, 'planned')).toMatchObject({
      risk: { tier: 'critical' },
      is_degraded: true,
    });
  });

  it('makes every rule at least as strict as its tier requires', () => {
    const policy = policyOf([exampleRule('dba', 'review', { require: reviewBy([stage(['group:dba'])]) })]);
    const demands = { low: { distinct_people: 3, minimum_grade: 'B' as const, maximum_age_ms: 60_000 } };
    const { requirement } = evaluate({ ...policy, risk: { ...policy.risk, demands } }, FACTS, 'planned');
    expect(requirement?.distinct_people).toBe(3);
    for (const rule of requirement?.rules ?? [])
      expect(rule).toMatchObject({ minimum_grade: 'B', maximum_age_ms: 60_000 });
  });
});

describe('the break-glass path', () => {
  const short = exampleRule('emergency', 'review', {
    break_glass: true,
    when: '!resource.production || plan.rows <= 10',
    require: reviewBy([stage(['group:dba'])], { rule: 'emergency', expires_ms: 900_000 }),
  });
  const usual = exampleRule('usual', 'review');
  const breakGlass = { ...FACTS, request: { ...FACTS.request, break_glass: true } };

  it('is taken only by a request that asks for it', () => {
    const policy = policyOf([short, usual]);
    expect(evaluate(policy, FACTS, 'planned')).toMatchObject({ is_break_glass: false });
    expect(evaluate(policy, FACTS, 'planned').requirement?.rules).toHaveLength(2);
    const taken = evaluate(policy, breakGlass, 'planned');
    expect(taken).toMatchObject({ effect: 'review', is_break_glass: true });
    expect(taken.requirement?.rules.map((rule) => rule.rule)).toEqual(['emergency']);
  });

  it('is not taken when its own condition is false: then everything is asked as usual', () => {
    const facts = rowsOf(11, { request: breakGlass.request });
    const evaluation = evaluate(policyOf([short, usual]), facts, 'planned');
    expect(evaluation.is_break_glass).toBe(false);
    expect(evaluation.requirement?.rules).toHaveLength(2);
  });

  it('passes the forbids that yield to it, and no others', () => {
    const freeze = exampleRule('freeze', 'forbid', { yields_to_break_glass: true });
    const never = exampleRule('never', 'forbid');
    expect(effectOf([short, freeze], breakGlass)).toBe('review');
    expect(effectOf([short, freeze], FACTS)).toBe('forbid');
    expect(effectOf([short, freeze, never], breakGlass)).toBe('forbid');
    // The flag alone opens nothing.
    expect(effectOf([freeze], breakGlass)).toBe('forbid');
  });

  it('is still open before the plan: a forbid that yields to it does not act until the path is decided', () => {
    const freeze = exampleRule('freeze', 'forbid', { yields_to_break_glass: true });
    const never = exampleRule('never', 'forbid');
    const early = { ...UNPLANNED, request: breakGlass.request };
    const evaluation = evaluate(policyOf([short, freeze]), early, 'creation');
    expect(evaluation.rules).toEqual([]);
    expect(evaluation.undecided).toEqual(['emergency']);
    expect(effectOf([short, freeze, never], early, 'creation')).toBe('forbid');
    expect(effectOf([short, freeze], UNPLANNED, 'creation')).toBe('forbid');
    // With the plan it is decided, one way or the other.
    expect(effectOf([short, freeze], rowsOf(10, { request: breakGlass.request }))).toBe('review');
    expect(effectOf([short, freeze], rowsOf(11, { request: breakGlass.request }))).toBe('forbid');
  });

  it('is offered where such a rule matches or may once there is a plan, and nowhere else', () => {
    const early = { ...UNPLANNED, request: breakGlass.request };
    expect(offersBreakGlass(policyOf([short]), early)).toBe(true);
    expect(offersBreakGlass(policyOf([usual]), early)).toBe(false);
    const elsewhere = { ...short, on: { ...short.on, env: ['staging'] } };
    expect(offersBreakGlass(policyOf([elsewhere]), early)).toBe(false);
  });
});

describe('a freeze', () => {
  const from = new Date(Date.parse(FACTS.at) - 1).toISOString();
  const to = new Date(Date.parse(FACTS.at) + 1).toISOString();
  const freeze = { id: 'year-end', title: 'Year end', from, to, environments: ['prod'], actions: null };

  it('beats an automatic yes, and says nothing of other environments', () => {
    const frozen = policyOf([exampleRule('open', 'allow')], { freezes: [freeze] });
    expect(evaluate(frozen, FACTS, 'planned').effect).toBe('review');
    const staging = { ...FACTS, target: { ...TARGET, environment: 'staging' } };
    expect(evaluate(frozen, staging, 'planned').effect).toBe('allow');
    expect(evaluate(frozen, { ...FACTS, at: to }, 'planned').effect).toBe('allow');
  });
});

describe('more rules', () => {
  const CONDITIONS = [
    'plan.rows > 5',
    'resource.production',
    'plan.rows > 5 && plan.destructive',
    '"sox" in resource.tags',
  ];
  const anyRule = fc.record({
    when: fc.constantFrom(...CONDITIONS),
    effect: fc.constantFrom('forbid' as const, 'review' as const),
  });
  const anyFacts = fc.record({
    rows_changed: fc.constantFrom(0, 5, 6),
    is_destructive: fc.boolean(),
    tags: fc.constantFrom<readonly unknown[]>([], ['sox'], [7]),
  });
  const rank = { allow: 0, review: 1, forbid: 2 };

  it('of forbid or review never loosen, whatever the facts, broken ones included', () => {
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 4 }), anyRule, anyFacts, (rules, added, values) => {
        const make = (list: readonly { when: string; effect: 'forbid' | 'review' }[]): PolicySet =>
          policyOf([
            exampleRule('open', 'allow', { when: 'plan.rows < 6' }),
            ...list.map(({ when, effect }, index) => exampleRule(`r${index}`, effect, { when })),
          ]);
        const { tags, ...plan } = values;
        const facts: PolicyFacts = {
          ...FACTS,
          target: { ...TARGET, tags: tags as readonly string[] },
          plan: FACTS.plan && { ...FACTS.plan, ...plan },
        };
        const before = evaluate(make(rules), facts, 'planned');
        const after = evaluate(make([...rules, added]), facts, 'planned');
        expect(rank[after.effect]).toBeGreaterThanOrEqual(rank[before.effect]);
        if (before.requirement && after.requirement)
          expect(after.requirement.rules.length).toBeGreaterThanOrEqual(before.requirement.rules.length);
      }),
      { numRuns: 500 },
    );
  });

  it('of no match are reviewed by the default', () => {
    expect(evaluate(policyOf([]), FACTS, 'planned').requirement?.rules).toEqual([DEFAULT_REQUIREMENT]);
  });
});
