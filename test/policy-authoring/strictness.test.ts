import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { tally } from '../../domain/approval/quorum.ts';
import type { Requirement, RuleRequirement } from '../../domain/request/requirement.ts';
import { isAtLeastAsStrict, isLooser } from '../../policy-authoring/strictness.ts';
import { anyCase, anyRuleRequirement, reviewBy, requirement, stage, tallyFacts } from '../domain/examples.ts';

/** Strict in everything but its rules. */
const of = (rules: readonly RuleRequirement[]): Requirement =>
  requirement(rules, { risk: 'critical', distinct_people: 2 });

const RULE = reviewBy([stage(['group:dba'], 2)]);

/** Each makes a rule stricter, or leaves it as it is. */
const anyHardening: fc.Arbitrary<Partial<RuleRequirement>> = fc.record(
  {
    expires_ms: fc.constant(1),
    order: fc.constant('sequential' as const),
    maximum_age_ms: fc.constant(60_000),
    minimum_grade: fc.constant('A' as const),
    is_reason_required: fc.constant(true),
  },
  { requiredKeys: [] },
);

/** Harder terms, one more person in the first stage, and one more stage. */
function harden(rule: RuleRequirement, terms: Partial<RuleRequirement>): RuleRequirement {
  const [first, ...rest] = rule.stages;
  const stages = first
    ? [{ ...first, quorum: first.quorum + 1, escalate: [] }, ...rest, stage(['user:omar'])]
    : [];
  return { ...rule, ...terms, stages };
}

describe('a requirement is at least as strict as another', () => {
  it('only when whatever satisfies it satisfies the other', () => {
    fc.assert(
      fc.property(
        anyCase(),
        fc.array(anyHardening, { minLength: 3, maxLength: 3 }),
        fc.array(anyRuleRequirement, { maxLength: 2 }),
        ({ required, decisions }, hardenings, more) => {
          const strict: Requirement = {
            ...required,
            risk: 'critical',
            distinct_people: required.distinct_people + 1,
            rules: [...required.rules.map((rule, index) => harden(rule, hardenings[index] ?? {})), ...more],
          };
          // A requirement that was weaker than its hardening is not at least as strict, and proves nothing.
          fc.pre(isAtLeastAsStrict(strict, required));
          const isStrictlyApproved = tally(tallyFacts(strict, decisions)).standing === 'approved';
          expect(!isStrictlyApproved || tally(tallyFacts(required, decisions)).standing === 'approved').toBe(
            true,
          );
        },
      ),
    );
  });

  it.each([
    ['a rule less', of([])],
    ['other people', of([reviewBy([stage(['group:data'], 2)])])],
    ['a smaller quorum', of([reviewBy([stage(['group:dba'], 1)])])],
    ['a later expiry', of([{ ...RULE, expires_ms: RULE.expires_ms + 1 }])],
    ['older approvals', of([{ ...RULE, maximum_age_ms: RULE.maximum_age_ms + 1 }])],
    ['weaker evidence', of([{ ...RULE, minimum_grade: 'D' }])],
    [
      'other people after a while',
      of([reviewBy([stage(['group:dba'], 2, { escalate: [{ after_ms: 9, to: 'owners' }] })])]),
    ],
    ['somebody else as well', of([reviewBy([stage(['group:dba', 'owners'], 2)])])],
    ['a field of a later version', of([{ ...RULE, waived: true } as RuleRequirement])],
    ['fewer distinct people', requirement([RULE], { distinct_people: 1, risk: 'critical' })],
    ['a lower risk', requirement([RULE], { distinct_people: 2, risk: 'low' })],
  ])('but not with %s', (_, candidate) => {
    expect(isAtLeastAsStrict(candidate, requirement([RULE], { distinct_people: 2, risk: 'medium' }))).toBe(
      false,
    );
  });

  it('with the same rules, more rules, and harder terms', () => {
    const loose = requirement([RULE]);
    expect(isAtLeastAsStrict(loose, loose)).toBe(true);
    expect(
      isAtLeastAsStrict(requirement([reviewBy([stage(['owners'])]), { ...RULE, rule: 'renamed' }]), loose),
    ).toBe(true);
    const harder = {
      ...RULE,
      expires_ms: 1,
      maximum_age_ms: 1,
      minimum_grade: 'A',
      is_reason_required: true,
    } as const;
    expect(isAtLeastAsStrict(requirement([harder], { risk: 'critical', distinct_people: 3 }), loose)).toBe(
      true,
    );
  });
});

describe('an evaluation is looser than another', () => {
  const review = { effect: 'review', requirement: requirement([RULE]) } as const;
  const allow = { effect: 'allow', requirement: null } as const;
  const forbid = { effect: 'forbid', requirement: null } as const;

  it('by a lesser effect, whatever it requires', () => {
    expect([isLooser(allow, review), isLooser(review, forbid), isLooser(allow, forbid)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([isLooser(review, allow), isLooser(forbid, review), isLooser(forbid, forbid)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('by a requirement that cannot be compared with it', () => {
    const other = { effect: 'review', requirement: requirement([reviewBy([stage(['owners'], 9)])]) } as const;
    expect([isLooser(other, review), isLooser(review, other)]).toEqual([true, true]);
    expect(isLooser(review, review)).toBe(false);
  });
});
