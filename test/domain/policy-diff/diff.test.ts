import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { evaluate } from '../../../domain/policy/evaluation.ts';
import type { PolicySet, Rule } from '../../../domain/policy/policy.ts';
import { classifyChange } from '../../../domain/policy-diff/diff.ts';
import type { PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import { walkGrid } from '../../../policy-authoring/grid.ts';
import { isLooser } from '../../../policy-authoring/strictness.ts';
import {
  ACTION,
  anyRuleRequirement,
  DEFAULT_REQUIREMENT,
  reviewBy,
  exampleRule,
  FACTS,
  policyOf,
  stage,
  TARGET,
} from '../examples.ts';

const CONDITIONS = [
  undefined,
  'plan.rows > 100',
  'plan.rows <= 10',
  'plan.destructive',
  'request.mode == "gate"',
  'history.denials_24h >= 2',
  'risk.tier in ["high", "critical"]',
  'windows.absent.sum > 1',
];

const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    id: fc.uuid(),
    effect: fc.constantFrom('allow' as const, 'review' as const, 'forbid' as const),
    require: anyRuleRequirement,
    when: fc.constantFrom(...CONDITIONS),
    flag: fc.boolean(),
    short: fc.boolean(),
  })
  .map(({ id, effect, require, when, flag, short }) =>
    exampleRule(id, effect, {
      ...(when === undefined ? {} : { when }),
      require: effect === 'review' ? { ...require, rule: id } : null,
      replaces_default: effect === 'review' && flag,
      ...(effect === 'review' && short ? { break_glass: true } : {}),
      ...(effect === 'forbid' && flag ? { yields_to_break_glass: true } : {}),
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

/** A rule that lets nothing through. */
const anyAddition: fc.Arbitrary<Rule> = anyRule.map((rule) => {
  const { break_glass: _short, ...plain } = rule;
  const isReview = rule.effect === 'review';
  return { ...plain, effect: isReview ? 'review' : 'forbid', replaces_default: false };
});

const anyFacts: fc.Arbitrary<PolicyFacts> = fc
  .record({
    rows: fc.constantFrom(0, 9, 10, 11, 100, 101, 20_000),
    destructive: fc.boolean(),
    mode: fc.constantFrom('execute' as const, 'gate' as const),
    denials: fc.constantFrom(0, 1, 2),
    break_glass: fc.boolean(),
    isPlanned: fc.boolean(),
  })
  .map(({ rows, destructive, mode, denials, break_glass, isPlanned }) => ({
    ...FACTS,
    plan: isPlanned && FACTS.plan ? { ...FACTS.plan, rows_changed: rows, is_destructive: destructive } : null,
    request: { ...FACTS.request, mode, break_glass },
    history: { ...FACTS.history, denials_24h: denials },
  }));

/** Edits that may open something, each under the name it is reported by. */
const EDITS: Readonly<Record<string, (policy: PolicySet) => PolicySet>> = {
  'an allow rule': (policy) => ({ ...policy, rules: [...policy.rules, exampleRule('new', 'allow')] }),
  'a replacing review': (policy) => ({
    ...policy,
    rules: [...policy.rules, exampleRule('new', 'review', { replaces_default: true })],
  }),
  'a break-glass path': (policy) => ({
    ...policy,
    rules: [...policy.rules, exampleRule('new', 'review', { break_glass: true })],
  }),
  'a rule with an unknown field': (policy) => ({
    ...policy,
    rules: [...policy.rules, { ...exampleRule('new', 'forbid'), opens: 'everything' } as Rule],
  }),
  'a rule gone': (policy) => ({ ...policy, rules: policy.rules.slice(1) }),
  'an edited condition': (policy) => ({
    ...policy,
    rules: policy.rules.map((rule, index) => (index === 0 ? { ...rule, when: 'plan.rows > 7' } : rule)),
  }),
  'a stricter quorum': (policy) => ({
    ...policy,
    rules: policy.rules.map((rule, index) =>
      index === 0 ? { ...rule, effect: 'review', require: reviewBy([stage(['owners'], 9)]) } : rule,
    ),
  }),
  'two rules of one id': (policy) => ({ ...policy, rules: [...policy.rules, ...policy.rules] }),
  defaults: (policy) => ({
    ...policy,
    defaults: { ...policy.defaults, require: reviewBy([stage(['group:dba'])]) },
  }),
  production: (policy) => ({ ...policy, production: [] }),
  environments: (policy) => ({ ...policy, environments: [...policy.environments, 'new'] }),
  enums: (policy) => ({ ...policy, enums: { tags: ['new'] } }),
  risk: (policy) => ({ ...policy, risk: { ...policy.risk, lines: [] } }),
  windows: (policy) => ({
    ...policy,
    windows: [{ id: 'new', action: [ACTION.action], over_ms: 1, per: ['action'], sum: null }],
  }),
  'a reason of a rule': (policy) => ({
    ...policy,
    rules: policy.rules.map((rule, index) => (index === 0 ? { ...rule, because: 'harmless' } : rule)),
  }),
  'a reason of risk': (policy) => ({
    ...policy,
    risk: { ...policy.risk, lines: policy.risk.lines.map((line) => ({ ...line, because: 'harmless' })) },
  }),
  'a title of an action': (policy) => ({
    ...policy,
    actions: policy.actions.map((action) => ({ ...action, title: 'Read only' })),
  }),
  'a title of a target': (policy) => ({
    ...policy,
    targets: policy.targets.map((target) => ({ ...target, title: 'Sandbox' })),
  }),
  'a title of a freeze': (policy) =>
    ({
      ...policy,
      freezes: [{ id: 'year-end', title: 'Over', from: '2026-12-01', to: '2027-01-10', except: [] }],
    }) as unknown as PolicySet,
  'a name of a person': (policy) => ({
    ...policy,
    directory: {
      ...policy.directory,
      people: policy.directory.people.map((person) => ({ ...person, name: 'The auditor' })),
    },
  }),
  'a name of an agent': (policy) => ({
    ...policy,
    directory: {
      ...policy.directory,
      agents: policy.directory.agents.map((agent) => ({ ...agent, name: 'The auditor' })),
    },
  }),
  actions: (policy) => ({ ...policy, actions: [...policy.actions, { ...ACTION, action: 'new.action' }] }),
  schemas: (policy) => ({
    ...policy,
    actions: policy.actions.map((action) => ({ ...action, arguments: { type: 'object', properties: {} } })),
  }),
  targets: (policy) => ({ ...policy, targets: [{ ...TARGET, owners: ['group:dba'] }] }),
  'owners that are looked up': (policy) => ({
    ...policy,
    actions: policy.actions.map((action) => ({
      ...action,
      owners: { resolver: 'target', of: 'args.place', otherwise: 'group:dba' },
    })),
  }),
  'tables that owners are looked up in': (policy) => ({
    ...policy,
    tables: [{ id: 'places', columns: { owners: 'selectors' }, rows: { a: { owners: ['group:dba'] } } }],
  }),
  groups: (policy) => ({
    ...policy,
    directory: { ...policy.directory, groups: policy.directory.groups.slice(1) },
  }),
  'claims that fill a group': (policy) => ({
    ...policy,
    directory: {
      ...policy.directory,
      groups: policy.directory.groups.map((group) => ({ ...group, maximum_age_ms: 1 })),
    },
  }),
  'something of a later version': (policy) => ({ ...policy, later: [{ id: 'holiday' }] }) as PolicySet,
};

describe('a change of policy', () => {
  it('that only adds forbid or plain review rules lets nothing through that was held back', () => {
    const anyAdditions = fc.array(anyAddition, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(anyPolicy, anyAdditions, anyFacts, (base, added, facts) => {
        const candidate = { ...base, rules: [...base.rules, ...added] };
        for (const phase of ['creation', 'planned', 'execution'] as const)
          expect(isLooser(evaluate(candidate, facts, phase), evaluate(base, facts, phase))).toBe(false);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('that only adds forbid rules is tightening', () => {
    const anyForbid = anyAddition.filter(({ effect }) => effect === 'forbid');
    fc.assert(
      fc.property(anyPolicy, fc.array(anyForbid, { minLength: 1, maxLength: 3 }), (base, added) => {
        const candidate = { ...base, rules: [...base.rules, ...added] };
        expect(classifyChange(base, candidate).kind).toBe('tightening');
      }),
    );
  });

  it.each(Object.keys(EDITS))('is loosening with %s, also next to an addition that tightens', (name) => {
    fc.assert(
      fc.property(anyPolicy, anyAddition, fc.boolean(), (policy, addition, isAlone) => {
        const base = { ...policy, rules: [exampleRule('first', 'forbid'), ...policy.rules] };
        const edited = EDITS[name]?.(base) ?? base;
        const candidate = isAlone ? edited : { ...edited, rules: [...edited.rules, addition] };
        expect(classifyChange(base, candidate).kind).toBe('loosening');
      }),
      { numRuns: 10 },
    );
  });

  it('of places in files is neutral', () => {
    const base = policyOf([exampleRule('a', 'forbid'), exampleRule('b', 'review')]);
    const candidate = {
      ...base,
      rules: base.rules.map((rule) => ({ ...rule, source: 'rules/moved.yaml:9' })).reverse(),
    };
    const { kind, changes } = classifyChange(base, candidate);
    expect(kind).toBe('neutral');
    expect(changes.map(({ what, name, how }) => `${what} ${name} ${how}`).sort()).toEqual([
      'rule a edited',
      'rule b edited',
    ]);
    expect(classifyChange(base, base)).toEqual({ kind: 'neutral', changes: [] });
  });

  it.each([
    ['replaces_default', { replaces_default: true }, 'its reviewers take the place of those of the default'],
    ['break_glass', { break_glass: true }, 'opens a shorter path for emergencies'],
    ['effect', { effect: 'allow', require: null }, 'allows without an approval'],
    ['later', { later: 1 }, 'has a field that this version does not know'],
  ] as const)('says why an added review rule is loosening: %s', (_, fields, because) => {
    const rule = { ...exampleRule('new', 'review'), ...fields };
    const [added] = classifyChange(policyOf([]), policyOf([rule])).changes;
    expect(added).toMatchObject({ kind: 'loosening', because });
  });

  it('names what was added, edited and removed', () => {
    const base = policyOf([exampleRule('gone', 'forbid'), exampleRule('kept', 'review')]);
    const candidate = policyOf([
      exampleRule('kept', 'review', { when: 'plan.rows > 1' }),
      exampleRule('new', 'forbid'),
    ]);
    expect(classifyChange(base, candidate).changes).toEqual([
      { kind: 'loosening', what: 'rule', name: 'gone', how: 'removed', source: 'rules/gone.yaml:1' },
      { kind: 'tightening', what: 'rule', name: 'new', how: 'added', source: 'rules/new.yaml:1' },
      { kind: 'loosening', what: 'rule', name: 'kept', how: 'edited', source: 'rules/kept.yaml:1' },
    ]);
  });
});

describe('the grid of boundary cases', () => {
  const limited = (when: string): PolicySet => policyOf([exampleRule('limit', 'forbid', { when })]);

  it('finds the one value at which a moved limit lets more through', () => {
    const report = walkGrid(limited('plan.rows > 1000'), limited('plan.rows > 1001'));
    expect(
      report.counterexamples.map(({ rule, facts, base, candidate }) => [
        rule,
        facts,
        base.effect,
        candidate.effect,
      ]),
    ).toEqual([['limit', { 'plan.rows': 1001 }, 'forbid', 'review']]);
    expect(report).toMatchObject({ looser: 1, is_complete: true });
  });

  it('finds an enum value and a flag that are no longer covered', () => {
    const modes = walkGrid(limited('request.mode in ["gate", "lease"]'), limited('request.mode == "gate"'));
    expect(modes.counterexamples.map(({ facts }) => facts)).toEqual([{ 'request.mode': 'lease' }]);
    const flags = walkGrid(limited('plan.destructive || plan.rows > 5'), limited('plan.rows > 5'));
    expect(flags.counterexamples[0]?.facts).toMatchObject({ 'plan.destructive': true });
  });

  it('finds a weaker requirement behind the same effect', () => {
    const requiring = (quorum: number): PolicySet =>
      policyOf([
        exampleRule('ask', 'review', { require: reviewBy([stage(['group:dba'], quorum)], { rule: 'ask' }) }),
      ]);
    expect(walkGrid(requiring(2), requiring(1)).looser).toBeGreaterThan(0);
    expect(walkGrid(requiring(1), requiring(1)).looser).toBe(0);
  });

  it('finds what a lost risk line takes away', () => {
    const base = policyOf([], {
      risk: {
        lines: [{ weight: 9, because: 'many', when: 'plan.rows > 50' }],
        tiers: { medium: 2, high: 3, critical: 5 },
        demands: {},
      },
    });
    const candidate = { ...base, risk: { ...base.risk, lines: [] } };
    expect(walkGrid(base, candidate).counterexamples.map(({ facts }) => facts)).toEqual([
      { 'plan.rows': 51 },
    ]);
  });

  it('ends at its limit, and says so', () => {
    const wide = ['plan.rows', 'plan.resources', 'history.denials_24h', 'history.requests_24h']
      .map((path, index) => [1, 50, 90].map((one) => `${path} == ${one + index}`).join(' || '))
      .join(' || ');
    const report = walkGrid(limited(wide), limited(wide));
    expect(report.is_complete).toBe(false);
    expect(report.cells).toBeLessThan(5_000);
  });

  it('never finds anything where only forbid and plain review rules were added', () => {
    fc.assert(
      fc.property(anyPolicy, anyAddition, (base, added) => {
        expect(walkGrid(base, { ...base, rules: [...base.rules, added] }).counterexamples).toEqual([]);
      }),
      { numRuns: 10 },
    );
  }, 60_000);
});
