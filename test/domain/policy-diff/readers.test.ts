import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { requiredSelectors } from '../../../domain/approval/decision.ts';
import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import { PUBLISH, RESOLVE, type PolicySet, type Rule } from '../../../domain/policy/policy.ts';
import { classifyChange } from '../../../domain/policy-diff/diff.ts';
import type { PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import type { Selector, Stage } from '../../../domain/request/requirement.ts';
import { readersWithoutRequirement } from '../../../domain/policy/visibility.ts';
import { ACTION, reviewBy, exampleRule, FACTS, policyOf, stage, TARGET } from '../examples.ts';

type Changes = Partial<Omit<Rule, 'on'>> & { readonly on?: Partial<Rule['on']> };

function review(id: string, stages: readonly Stage[], { on, ...changes }: Changes = {}): Rule {
  const rule = exampleRule(id, 'review', { require: reviewBy(stages, { rule: id }), ...changes });
  return { ...rule, on: { ...rule.on, ...on } };
}

/** A rule on production, which asks the administrators. */
function known(changes: Changes = {}): Rule {
  return review('known', [stage(['group:dba'])], { ...changes, on: { env: ['prod'], ...changes.on } });
}

function added(any: Selector, changes: Changes = {}): Rule {
  return review('new', [stage([any])], { ...changes, on: { env: ['prod'], ...changes.on } });
}

function byDefault(stages: readonly Stage[], effect: 'review' | 'forbid' = 'review'): Partial<PolicySet> {
  return { defaults: { effect, require: reviewBy(stages, { rule: 'default' }) } };
}

const escalating = (to: Selector): readonly Stage[] => [
  stage(['owners'], 1, { escalate: [{ after_ms: 60_000, to }] }),
];
const LEADS = byDefault([stage(['owners', 'group:dba-leads'])]);
const ALLOW = exampleRule('free', 'allow', { when: 'plan.rows < 5' });
const ROWS = 'plan.rows > 100';

interface Example {
  readonly base: readonly Rule[];
  readonly changes?: Partial<PolicySet>;
  readonly add: Rule;
}

/** What a further review rule may ask for, and whom the policy shows such plans already. */
const TIGHTENING: Readonly<Record<string, Example>> = {
  'whom a rule asks there': { base: [known()], add: added('group:dba') },
  'whom a rule asks there, at one target': {
    base: [known()],
    add: added('group:dba', { on: { target: [TARGET.id] } }),
  },
  'whom a rule asks there, under a condition of its own': {
    base: [known()],
    add: added('group:dba', { when: ROWS }),
  },
  'whom a rule asks there under the same condition': {
    base: [known({ when: ROWS })],
    add: added('group:dba', { when: ROWS }),
  },
  'in a later stage whom a rule asks in its first': {
    base: [known()],
    add: review('new', [stage(['owners']), stage(['group:dba'])], { on: { env: ['prod'] } }),
  },
  'at once whom a rule asks on escalation': {
    base: [review('known', escalating('group:dba'))],
    add: added('group:dba'),
  },
  'on escalation whom a rule asks at once': {
    base: [known()],
    add: review('new', escalating('group:dba'), { on: { env: ['prod'] } }),
  },
  'some whom one rule asks, and some whom another does': {
    base: [known(), review('leads', [stage(['group:dba-leads'])])],
    add: review('new', [stage(['group:dba', 'group:dba-leads'])], { on: { env: ['prod'] } }),
  },
  'whom the default asks': { base: [], add: added('owners', { on: { env: null } }) },
  'whom the default asks on escalation': {
    base: [],
    changes: byDefault(escalating('group:dba')),
    add: added('group:dba'),
  },
  'whom the default asks, where a rule adds to it': { base: [known()], add: added('owners') },
  'whom the default asks, where only a break-glass path replaces it': {
    base: [known({ break_glass: true })],
    add: added('owners'),
  },
  'whom the default asks, where a rule replaces it elsewhere': {
    base: [known({ replaces_default: true, on: { env: ['staging'] } })],
    add: added('owners'),
  },
  'whom the default asks, and every rule that replaces it': {
    base: [review('other', [stage(['group:dba', 'owners'])], { replaces_default: true, when: ROWS })],
    add: added('owners'),
  },
  'whom the rule asks that replaces the default': {
    base: [known({ replaces_default: true })],
    add: added('group:dba'),
  },
  'whom the default asks at once, of what is allowed': {
    base: [ALLOW],
    changes: LEADS,
    add: added('group:dba-leads'),
  },
  'the owners, of what is allowed': { base: [ALLOW], add: added('owners') },
  'whom a rule asks of everything, and so of what another allows': {
    base: [ALLOW, known()],
    changes: byDefault(escalating('group:dba-leads')),
    add: added('group:dba'),
  },
  'anybody, where all stays forbidden': {
    base: [known(), ALLOW],
    changes: byDefault([stage(['owners'])], 'forbid'),
    add: added('group:data'),
  },
  'operators about telling an outcome': {
    base: [],
    changes: { operators: ['group:dba'] },
    add: added('group:dba', { on: { action: [RESOLVE.action], env: null } }),
  },
  'nobody but the default': { base: [known({ when: ROWS })], add: added('owners', { require: null }) },
};

/** Plans become readable for somebody who could not read them. */
const LOOSENING: Readonly<Record<string, Example>> = {
  others: { base: [known()], add: added('group:data') },
  'others on escalation': {
    base: [known()],
    add: review('new', escalating('group:data'), { on: { env: ['prod'] } }),
  },
  'others in a later stage': {
    base: [known()],
    add: review('new', [stage(['owners']), stage(['group:data'])], { on: { env: ['prod'] } }),
  },
  'one person of a group': { base: [known()], add: added('user:olga') },
  'them elsewhere as well': {
    base: [known()],
    add: added('group:dba', { on: { env: ['prod', 'staging'] } }),
  },
  'them everywhere': { base: [known()], add: added('group:dba', { on: { env: null } }) },
  'them about every target': {
    base: [known({ on: { target: [TARGET.id] } })],
    add: added('group:dba'),
  },
  'them about another action': {
    base: [known()],
    changes: { actions: [ACTION, { ...ACTION, action: 'other' }] },
    add: added('group:dba', { on: { action: [ACTION.action, 'other'] } }),
  },
  'them about an unknown action': { base: [known()], add: added('owners', { on: { action: ['other'] } }) },
  'whom a rule asks under a condition': { base: [known({ when: ROWS })], add: added('group:dba') },
  'whom a rule asks under another condition': {
    base: [known({ when: ROWS })],
    add: added('group:dba', { when: 'plan.rows > 99' }),
  },
  'whom only a break-glass path asks': { base: [known({ break_glass: true })], add: added('group:dba') },
  'whom only a forbid rule could have meant': {
    base: [exampleRule('dba', 'forbid', { when: ROWS })],
    add: added('group:dba'),
  },
  'whom the default asks, where a rule replaces it': {
    base: [known({ replaces_default: true })],
    add: added('owners'),
  },
  'whom the default asks, where a rule replaces it under a condition': {
    base: [known({ replaces_default: true, when: ROWS })],
    add: added('owners'),
  },
  'whom the default asks, where a rule replaces it in part': {
    base: [known({ replaces_default: true, on: { target: [TARGET.id] } })],
    add: added('owners'),
  },
  'whom one of two replacing rules does not ask': {
    base: [
      known({ replaces_default: true, when: ROWS }),
      review('leads', [stage(['group:dba-leads'])], { replaces_default: true }),
    ],
    add: added('group:dba'),
  },
  'whom a default asks that a rule replaces, where all else is forbidden': {
    base: [known({ replaces_default: true, when: ROWS })],
    changes: byDefault([stage(['owners'])], 'forbid'),
    add: added('owners'),
  },
  'whom the default asks on escalation, of what is allowed': {
    base: [ALLOW],
    changes: byDefault(escalating('group:dba')),
    add: added('owners'),
  },
  'nobody, but so escalates to others what is allowed': {
    base: [ALLOW],
    changes: byDefault(escalating('group:dba')),
    add: added('owners', { require: null }),
  },
  'whom the default asks about publishing, which is for operators': {
    base: [],
    changes: { ...LEADS, operators: ['group:dba'] },
    add: added('group:dba-leads', { on: { action: [PUBLISH.action], env: null } }),
  },
};

describe('a further rule', () => {
  it.each(Object.entries(TIGHTENING))('is tightening where it asks %s', (_whom, example) => {
    expect(kindOf(example)).toBe('tightening');
  });

  it.each(Object.entries(LOOSENING))('is loosening where it asks %s', (_whom, example) => {
    expect(kindOf(example)).toBe('loosening');
  });

  it('that is tightening shows a plan to nobody who could not read it before', () => {
    fc.assert(
      fc.property(anyExample, anyFacts, (example, facts) => {
        fc.pre(kindOf(example) === 'tightening');
        const [base, candidate] = policiesOf(example);
        for (const phase of ['creation', 'planned', 'execution'] as const) {
          const [before, after] = [base, candidate].map((policy) =>
            readersOf(policy, evaluate(policy, facts, phase)),
          );
          expect(before).toEqual(expect.arrayContaining([...(after ?? [])]));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

function policiesOf({ base, changes, add }: Example): readonly [PolicySet, PolicySet] {
  const policy = policyOf(base, changes);
  return [policy, { ...policy, rules: [...base, add] }];
}

function kindOf(example: Example): string {
  return classifyChange(...policiesOf(example)).kind;
}

function readersOf(policy: PolicySet, { effect, requirement }: Evaluation): readonly Selector[] {
  if (requirement !== null) return requiredSelectors({ requirement });
  return effect === 'forbid' ? [] : readersWithoutRequirement(policy);
}

/** Few names and conditions, so that what is added often asks what is asked already. */
const anyPeople = fc.constantFrom<Selector>('owners', 'group:dba', 'group:dba-leads');

const anyStages: fc.Arbitrary<readonly Stage[]> = fc
  .record({ any: anyPeople, to: fc.option(anyPeople) })
  .map(({ any, to }) => [stage([any], 1, { escalate: to === null ? [] : [{ after_ms: 60_000, to }] })]);

const anyChanges: fc.Arbitrary<Changes> = fc
  .record({
    env: fc.constantFrom(null, ['prod'], ['staging']),
    target: fc.constantFrom(null, null, [TARGET.id]),
    when: fc.constantFrom(undefined, undefined, ROWS, 'plan.destructive', 'windows.absent.sum > 1'),
  })
  .map(({ env, target, when }) => ({ on: { env, target }, ...(when === undefined ? {} : { when }) }));

const anyKnown: fc.Arbitrary<Rule> = fc
  .record({
    id: fc.uuid(),
    stages: anyStages,
    changes: anyChanges,
    kind: fc.constantFrom<Changes>(
      {},
      {},
      { replaces_default: true },
      { break_glass: true },
      { effect: 'allow', require: null },
      { effect: 'forbid', require: null, yields_to_break_glass: true },
    ),
  })
  .map(({ id, stages, changes, kind }) => review(id, stages, { ...changes, ...kind }));

const anyExample: fc.Arbitrary<Example> = fc.record({
  base: fc.array(anyKnown, { maxLength: 4 }),
  changes: fc
    .record({
      stages: anyStages,
      effect: fc.constantFrom('review' as const, 'review' as const, 'forbid' as const),
    })
    .map(({ stages, effect }) => byDefault(stages, effect)),
  add: fc
    .record({
      stages: anyStages,
      changes: anyChanges,
      kind: fc.constantFrom<Changes>({}, {}, { effect: 'forbid', require: null }),
    })
    .map(({ stages, changes, kind }) => review('new', stages, { ...changes, ...kind })),
});

const anyFacts: fc.Arbitrary<PolicyFacts> = fc
  .record({
    environment: fc.constantFrom('prod', 'staging'),
    id: fc.constantFrom(TARGET.id, 'another'),
    rows: fc.constantFrom(1, 101),
    is_destructive: fc.boolean(),
    break_glass: fc.boolean(),
    isPlanned: fc.boolean(),
  })
  .map(({ environment, id, rows, is_destructive, break_glass, isPlanned }) => ({
    ...FACTS,
    target: { ...TARGET, environment, id },
    plan: isPlanned && FACTS.plan ? { ...FACTS.plan, rows_changed: rows, is_destructive } : null,
    request: { ...FACTS.request, break_glass },
  }));
