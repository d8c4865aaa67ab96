import { describe, expect, it } from 'vitest';

import type { FreezeWindow } from '../../../domain/calendar/freeze.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import type { PolicySet, Rule } from '../../../domain/policy/policy.ts';
import { classifyChange } from '../../../domain/policy-diff/diff.ts';
import { isLooser } from '../../../policy-authoring/strictness.ts';
import { ACTION, exampleRule, FACTS, policyOf, TARGET } from '../examples.ts';

const FREEZE: FreezeWindow = {
  id: 'year-end',
  title: 'Year end',
  from: '2020-01-01T00:00:00.000Z',
  to: '2100-01-01T00:00:00.000Z',
  environments: null,
  actions: null,
};

function kindOf(rules: readonly Rule[], freeze: object, of: Partial<PolicySet> = {}): string {
  const base = policyOf([...rules], of);
  const candidate = { ...base, freezes: [...base.freezes, freeze as FreezeWindow] };
  return classifyChange(base, candidate).kind;
}

const allow = (on: Partial<Rule['on']> = {}): Rule =>
  exampleRule('open', 'allow', { on: { action: [ACTION.action], env: null, ...on } });

describe('a freeze that is added', () => {
  it('is tightening where it only holds back', () => {
    expect(kindOf([], FREEZE)).toBe('tightening');
    expect(kindOf([exampleRule('hours', 'forbid', { when: 'calendar.holiday' })], FREEZE)).toBe('tightening');
    expect(kindOf([allow({ env: ['elsewhere'] })], { ...FREEZE, environments: ['prod'] })).toBe('tightening');
    expect(kindOf([allow()], { ...FREEZE, actions: ['other'] })).toBe('tightening');
  });

  it.each(['calendar.freeze', 'calendars.office.freeze', 'has(calendars.office.freeze)'])(
    'is loosening where a condition reads %s',
    (when) => {
      expect(kindOf([exampleRule('short', 'review', { when })], FREEZE)).toBe('loosening');
      const risk = { ...policyOf([]).risk, lines: [{ weight: 1, because: 'x', when }] };
      expect(kindOf([], FREEZE, { risk })).toBe('loosening');
    },
  );

  it('is loosening where people read what was allowed without them, or a field is not known', () => {
    expect(kindOf([allow()], FREEZE)).toBe('loosening');
    expect(kindOf([], { ...FREEZE, except: [] })).toBe('loosening');
  });

  it('makes nothing looser where it is tightening, and is not when it is taken away', () => {
    const base = policyOf([
      exampleRule('review', 'review'),
      exampleRule('closed', 'forbid', { when: 'plan.rows > 9' }),
    ]);
    const candidate = { ...base, freezes: [FREEZE] };
    const [old, fresh] = [base, candidate].map((policy) =>
      evaluate(policy, { ...FACTS, target: TARGET }, 'planned'),
    );
    if (!old || !fresh) return expect.unreachable();
    expect(isLooser(fresh, old)).toBe(false);
    expect(classifyChange(candidate, base).kind).toBe('loosening');
    const shorter = { ...candidate, freezes: [{ ...FREEZE, to: '2030-01-01T00:00:00.000Z' }] };
    expect(classifyChange(candidate, shorter).kind).toBe('loosening');
  });
});
