import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { RiskFacts } from '../../../domain/request/plan.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import { tierTerms, DEFAULT_RISK, type RiskAssessment } from '../../../domain/policy/risk.ts';
import { FACTS, policyOf, TARGET } from '../examples.ts';

/** The risk of these facts in this environment, by the lines that are built in. */
function assessRisk({
  environment,
  facts,
}: {
  environment: string;
  facts: RiskFacts;
}): RiskAssessment & { distinct_people: number } {
  const policy = policyOf([], {
    environments: ['staging', environment],
    production: environment === 'staging' ? [] : [environment],
  });
  const plan = { ...facts, names: [] };
  const { risk } = evaluate(policy, { ...FACTS, plan, target: { ...TARGET, environment } }, 'planned');
  return { ...risk, distinct_people: tierTerms(DEFAULT_RISK, risk.tier).distinct_people };
}

const HARMLESS: RiskFacts = {
  rows_changed: 1,
  resources_changed: 1,
  is_destructive: false,
  is_fully_previewed: true,
  is_reversible: true,
};

const TIERS = ['low', 'medium', 'high', 'critical'] as const;

const anyFacts: fc.Arbitrary<RiskFacts> = fc.record({
  rows_changed: fc.constantFrom(0, 1, 100, 101, 10_000, 10_001, 1e9),
  resources_changed: fc.integer({ min: 0, max: 5 }),
  is_destructive: fc.boolean(),
  is_fully_previewed: fc.boolean(),
  is_reversible: fc.boolean(),
});

describe('risk', () => {
  it('never falls when any fact gets worse', () => {
    const environments = fc.constantFrom('staging', 'prod');
    fc.assert(
      fc.property(anyFacts, anyFacts, environments, (facts, other, environment) => {
        const worse: RiskFacts = {
          rows_changed: Math.max(facts.rows_changed, other.rows_changed),
          resources_changed: Math.max(facts.resources_changed, other.resources_changed),
          is_destructive: facts.is_destructive || other.is_destructive,
          is_fully_previewed: facts.is_fully_previewed && other.is_fully_previewed,
          is_reversible: facts.is_reversible && other.is_reversible,
        };
        const before = assessRisk({ environment, facts });
        const after = assessRisk({ environment, facts: worse });
        expect(TIERS.indexOf(after.tier)).toBeGreaterThanOrEqual(TIERS.indexOf(before.tier));
        expect(after.distinct_people).toBeGreaterThanOrEqual(before.distinct_people);
        expect(after.reasons).toEqual(expect.arrayContaining([...before.reasons]));
      }),
    );
  });

  it('is never lower on production', () => {
    fc.assert(
      fc.property(anyFacts, fc.constantFrom('prod', 'production', 'prod-eu'), (facts, environment) => {
        const elsewhere = assessRisk({ environment: 'staging', facts });
        const there = assessRisk({ environment, facts });
        expect(TIERS.indexOf(there.tier)).toBeGreaterThanOrEqual(TIERS.indexOf(elsewhere.tier));
        expect(there.reasons).toContain('production');
      }),
    );
  });

  it('requires two distinct people exactly when it is critical', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { tier, distinct_people } = assessRisk({ environment: 'prod', facts });
        expect(distinct_people).toBe(tier === 'critical' ? 2 : 1);
      }),
    );
  });

  it.each<[string, RiskFacts, (typeof TIERS)[number]]>([
    ['one row on production is low', HARMLESS, 'low'],
    ['100 rows are not yet many', { ...HARMLESS, rows_changed: 100 }, 'low'],
    ['101 rows are many', { ...HARMLESS, rows_changed: 101 }, 'medium'],
    ['10,001 destroyed rows are high', { ...HARMLESS, rows_changed: 10_001, is_destructive: true }, 'high'],
    ['what was not previewed weighs twice', { ...HARMLESS, is_fully_previewed: false }, 'high'],
    [
      'unseen, destructive and for good is critical',
      { ...HARMLESS, is_fully_previewed: false, is_destructive: true, is_reversible: false },
      'critical',
    ],
  ])('%s', (_, facts, tier) => {
    expect(assessRisk({ environment: 'prod', facts }).tier).toBe(tier);
  });
});
