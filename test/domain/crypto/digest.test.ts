import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { digestOf, sha256 } from '../../../domain/crypto/digest.ts';
import {
  decisionDigest,
  intentDigest,
  requirementDigest,
  rowDecisionDigest,
  ruleRequirementDigest,
  type DecisionSubject,
  type Intent,
} from '../../../domain/request/digests.ts';
import { RISK_TIERS } from '../../../domain/policy/risk.ts';
import type { StoredPlan } from '../../../domain/request/plan.ts';
import { anyRequirement, reviewBy, ISSUER, minutes, PLAN, requirement, stage } from '../examples.ts';

const INTENT: Intent = {
  action: 'postgres.execute',
  schema_version: 1,
  target: 'shop-production',
  arguments: { statement: 'DELETE FROM orders WHERE id = 1' },
  mode: 'execute',
};

const STORED = { ...PLAN, salt: 'ab'.repeat(16), target_digest: `sha256:${'c'.repeat(64)}` };

const SUBJECT: DecisionSubject = {
  request: 'req_a',
  intent_digest: intentDigest(INTENT),
  plan: STORED,
  lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
  requirement: requirement([reviewBy([stage(['group:dba'], 2)]), reviewBy([stage(['owners'])])]),
};

describe('digests', () => {
  it('are SHA-256 over the canonical UTF-8 text', () => {
    // FIPS 180-4 example, and the digest of the two bytes {}.
    expect(sha256('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(digestOf({})).toBe('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
    expect(sha256('€')).not.toBe(sha256('¬'));
  });
});

describe('the intent digest', () => {
  it('does not depend on the order of arguments', () => {
    const left = intentDigest({ ...INTENT, arguments: { a: 1, b: { c: 2, d: 3 } } });
    expect(intentDigest({ ...INTENT, arguments: { b: { d: 3, c: 2 }, a: 1 } })).toBe(left);
  });

  it.each<[string, Partial<Intent>]>([
    ['action', { action: 'postgres.read' }],
    ['schema version', { schema_version: 2 }],
    ['target', { target: 'shop-staging' }],
    ['arguments', { arguments: { statement: 'DELETE FROM orders WHERE id = 10' } }],
    ['mode', { mode: 'gate' }],
  ])('changes with the %s', (_, change) => {
    expect(intentDigest({ ...INTENT, ...change })).not.toBe(intentDigest(INTENT));
  });

  it('ignores whatever else travels with the intent', () => {
    expect(intentDigest({ ...INTENT, claims: { reason: 'because' } } as Intent)).toBe(intentDigest(INTENT));
  });
});

describe('the requirement digest', () => {
  it('does not change with rule names, their order, or a rule said twice', () => {
    fc.assert(
      fc.property(anyRequirement, (required) => {
        const renamed = required.rules.map((rule, index) => ({ ...rule, rule: `renamed-${index}` }));
        const said = { ...required, rules: [...renamed, ...renamed].reverse() };
        expect(requirementDigest(said)).toBe(requirementDigest(required));
      }),
    );
  });

  it('changes with everything that is required', () => {
    const base = reviewBy([stage(['group:dba'], 1)]);
    const others = [
      reviewBy([stage(['group:dba'], 2)]),
      reviewBy([stage(['owners'], 1)]),
      reviewBy([stage(['group:dba'], 1, { escalate: [{ after_ms: 1000, to: 'owners' }] })]),
      { ...base, order: 'sequential' as const },
      { ...base, expires_ms: 1 },
      { ...base, maximum_age_ms: 1 },
      { ...base, minimum_grade: 'A' as const },
      { ...base, is_reason_required: true },
    ];
    const digests = new Set([base, ...others].map(ruleRequirementDigest));
    expect(digests.size).toBe(others.length + 1);
    const whole = new Set(
      [base, ...others]
        .map((rule) => requirementDigest(requirement([rule])))
        .concat(requirementDigest(requirement([base], { risk: 'high' })))
        .concat(requirementDigest(requirement([base], { distinct_people: 2 }))),
    );
    expect(whole.size).toBe(others.length + 3);
  });
});

describe('the decision digest', () => {
  const effect = PLAN.effects[0];
  if (!effect) throw new Error('the example plan has an effect');

  it.each<[string, Partial<DecisionSubject>]>([
    ['request', { request: 'req_b' }],
    ['intent', { intent_digest: intentDigest({ ...INTENT, target: 'shop-staging' }) }],
    ['fingerprint', { plan: { ...STORED, fingerprint: `sha256:${'b'.repeat(64)}` } }],
    ['salt', { plan: { ...STORED, salt: 'cd'.repeat(16) } }],
    ['target as policy defines it', { plan: { ...STORED, target_digest: `sha256:${'d'.repeat(64)}` } }],
    ['count of an effect', { plan: { ...STORED, effects: [{ ...effect, updated: 2 }] } }],
    ['resource of an effect', { plan: { ...STORED, effects: [{ ...effect, resource: 'public.users' }] } }],
    ['completeness of an effect', { plan: { ...STORED, effects: [{ ...effect, is_counts_only: true }] } }],
    ['requester', { lineage: [{ role: 'requester', issuer: ISSUER, subject: 'other' }] }],
    [
      'issuer',
      { lineage: [{ role: 'requester', issuer: 'https://else.example', subject: 'agent-billing' }] },
    ],
    [
      'lineage',
      { lineage: [...SUBJECT.lineage, { role: 'on_behalf_of', issuer: ISSUER, subject: 'sub-olga' }] },
    ],
    ['requirement', { requirement: requirement([reviewBy([stage(['owners'])])]) }],
    ['start window', { start: { not_before: minutes(9), not_after: null } }],
    [
      'doubt about a member',
      { lineage: SUBJECT.lineage.map((member) => ({ ...member, is_declared: true as const })) },
    ],
  ])('changes with the %s', (_, change) => {
    expect(decisionDigest({ ...SUBJECT, ...change })).not.toBe(decisionDigest(SUBJECT));
  });

  it.each<[string, Partial<StoredPlan>]>([
    ['summary', { summary: 'other words' }],
    ['operation', { operation: 'select 1' }],
    ['warnings', { warnings: ['look closely'] }],
    ['way back', { reversal: { is_possible: true, how: 'easily' } }],
    ['risk facts', { risk_facts: { ...STORED.risk_facts, rows_changed: 77 } }],
    ['assigned columns', { effects: [{ ...effect, assigned_columns: ['updated_at'] }] }],
    ['rows', { effects: [{ ...effect, rows: [] }] }],
  ])('changes with what people read: %s', (_, change) => {
    expect(decisionDigest({ ...SUBJECT, plan: { ...STORED, ...change } })).not.toBe(decisionDigest(SUBJECT));
  });

  it('is one for evaluation and claim: of the row, and over a requirement of nobody where nobody must agree', () => {
    const row = { ...SUBJECT, id: SUBJECT.request };
    const { requirement: asked } = SUBJECT;
    expect(rowDecisionDigest(row, { ...SUBJECT, risk: 'low' }, asked)).toBe(decisionDigest(SUBJECT));
    const allowed = RISK_TIERS.map((risk) => rowDecisionDigest(row, { ...SUBJECT, risk }, null));
    expect(allowed).toEqual(
      RISK_TIERS.map((risk) =>
        decisionDigest({ ...SUBJECT, requirement: { risk, distinct_people: 0, rules: [] } }),
      ),
    );
    expect(new Set(allowed).size).toBe(RISK_TIERS.length);
  });

  it('does not change with measurements', () => {
    const slow = { ...STORED, locks_held_ms: 99 };
    expect(decisionDigest({ ...SUBJECT, plan: slow })).toBe(decisionDigest(SUBJECT));
  });

  it('keeps identities apart that only look alike', () => {
    const composed = { role: 'requester', issuer: ISSUER, subject: 'jos\u00e9' } as const;
    const decomposed = { ...composed, subject: 'jose\u0301' };
    expect(decisionDigest({ ...SUBJECT, lineage: [composed] })).not.toBe(
      decisionDigest({ ...SUBJECT, lineage: [decomposed] }),
    );
    expect(minutes(0)).toMatch(/Z$/);
  });
});
