import { describe, expect, it } from 'vitest';

import { decisionDigest, requirementDigest } from '../../../domain/request/digests.ts';
import { shownInChannel } from '../../../domain/request/disclosure.ts';
import { tightened } from '../../../domain/policy/combined-requirement.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import type { Requirement } from '../../../domain/request/requirement.ts';
import { tierTerms, type RiskPolicy } from '../../../domain/policy/risk.ts';
import { isAtLeastAsStrict, isLooser } from '../../../policy-authoring/strictness.ts';
import { DEFAULT_REQUIREMENT, FACTS, PLAN, policyOf, requirement } from '../examples.ts';

const VIEW = { link: 'somebody is asked', summary: 'what for', details: 'who must agree' };
const OPEN = requirement([DEFAULT_REQUIREMENT]);
const SUMMARY: Requirement = { ...OPEN, channels: 'summary' };
const LINK: Requirement = { ...OPEN, channels: 'link' };

const NOTHING = { distinct_people: 1, minimum_grade: 'C', maximum_age_ms: null } as const;

function requiring(demands: RiskPolicy['demands']): PolicySet {
  const policy = policyOf([]);
  return { ...policy, risk: { ...policy.risk, demands } };
}

describe('a channel shows', () => {
  it('everything where policy says nothing, and where nobody is asked', () => {
    expect(shownInChannel(VIEW, OPEN)).toEqual(VIEW);
    expect(shownInChannel(VIEW, null)).toEqual(VIEW);
  });

  it('no details, or a link only, where policy says so', () => {
    expect(shownInChannel(VIEW, SUMMARY)).toEqual({ ...VIEW, details: null });
    expect(shownInChannel(VIEW, LINK)).toEqual({ ...VIEW, summary: null, details: null });
  });

  it('least for a limit that only a later version knows', () => {
    const later = { channels: 'nothing' as 'link' };
    expect(shownInChannel(VIEW, later)).toEqual({ ...VIEW, summary: null, details: null });
  });
});

describe('what channels may show', () => {
  it('follows from the tier and from every tier below it: the strictest holds', () => {
    const { risk } = requiring({
      low: { ...NOTHING, channels: 'link' },
      medium: NOTHING,
      high: { ...NOTHING, channels: 'summary' },
    });
    expect(
      ['low', 'medium', 'high', 'critical'].map((tier) => tierTerms(risk, tier as 'low').channels),
    ).toEqual(['link', 'link', 'link', 'link']);
    const rising = requiring({
      medium: { ...NOTHING, channels: 'summary' },
      critical: { ...NOTHING, channels: 'link' },
    });
    expect(
      ['low', 'medium', 'high', 'critical'].map((tier) => tierTerms(rising.risk, tier as 'low').channels),
    ).toEqual([undefined, 'summary', 'summary', 'link']);
  });

  it('is part of the requirement, and absent where nothing is limited', () => {
    const limited = requiring({ low: { ...NOTHING, channels: 'summary' } });
    expect(evaluate(limited, FACTS, 'planned').requirement?.channels).toBe('summary');
    expect(evaluate(requiring({}), FACTS, 'planned').requirement).not.toHaveProperty('channels');
  });

  it('is part of what people decide on; without a limit the digest is as it was', () => {
    const digests = [OPEN, SUMMARY, LINK].map(requirementDigest);
    expect(new Set(digests).size).toBe(3);
    const known = requirement([DEFAULT_REQUIREMENT]);
    expect(requirementDigest(known)).toBe(
      'sha256:01c2500e1277dbc341b87de22d2e1680d4df14e9c4dc1858942b36355438f861',
    );
    const subject = {
      request: 'req_x',
      intent_digest: 'sha256:x',
      plan: { ...PLAN, salt: 'x', target_digest: 'x' },
      lineage: [],
    };
    expect(decisionDigest({ ...subject, requirement: LINK })).not.toBe(
      decisionDigest({ ...subject, requirement: OPEN }),
    );
  });

  it('never widens from round to round', () => {
    expect(tightened(LINK, SUMMARY).channels).toBe('link');
    expect(tightened(SUMMARY, LINK).channels).toBe('link');
    expect(tightened(SUMMARY, OPEN).channels).toBe('summary');
    expect(tightened(OPEN, OPEN)).not.toHaveProperty('channels');
  });

  it('counts as looser when it is more', () => {
    expect(isAtLeastAsStrict(LINK, SUMMARY)).toBe(true);
    expect(isAtLeastAsStrict(SUMMARY, OPEN)).toBe(true);
    expect(isAtLeastAsStrict(SUMMARY, LINK)).toBe(false);
    expect(isAtLeastAsStrict(OPEN, SUMMARY)).toBe(false);
    const review = (required: Requirement) => ({ effect: 'review' as const, requirement: required });
    expect(isLooser(review(OPEN), review(SUMMARY))).toBe(true);
    expect(isLooser(review(SUMMARY), review(OPEN))).toBe(false);
  });
});
