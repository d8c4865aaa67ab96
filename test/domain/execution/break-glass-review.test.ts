import { describe, expect, it } from 'vitest';

import { gateRequestId, requestId, reviewId } from '../../../domain/identity/ids.ts';
import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import { switchesAgainst } from '../../../domain/execution/kill-switch.ts';
import { actionOf, ownTarget, REVIEW, type PolicySet, type Rule } from '../../../domain/policy/policy.ts';
import { mayStillAsk } from '../../../domain/execution/requester.ts';
import { ACTION, reviewBy, DIRECTORY, exampleRule, FACTS, ISSUER, policyOf, stage } from '../examples.ts';

const OPERATORS: Partial<PolicySet> = { operators: ['group:data'] };

function ask(rules: readonly Rule[] = [], changes: Partial<PolicySet> = OPERATORS): Evaluation {
  const policy = policyOf([...rules], changes);
  return evaluate(
    policy,
    { ...FACTS, action: REVIEW.action, target: ownTarget(policy), args: {}, plan: null },
    'planned',
  );
}

const on = { action: [REVIEW.action], env: null };

describe('the review of a break-glass request', () => {
  it('is in every policy, and no policy defines it', () => {
    const policy = policyOf([], { actions: [{ ...ACTION, action: REVIEW.action }] });
    expect(actionOf(policy, REVIEW.action)).toBe(REVIEW);
  });

  it('is for one operator, with a reason, within 72 hours, where no rule says otherwise', () => {
    const { effect, requirement } = ask();
    expect([effect, requirement?.distinct_people]).toEqual(['review', 1]);
    expect(requirement?.rules).toMatchObject([
      { stages: [{ any: ['group:data'], quorum: 1 }], is_reason_required: true, expires_ms: 259_200_000 },
    ]);
  });

  it('keeps its terms where the policy names no operators', () => {
    const { requirement } = ask([], {});
    expect(requirement?.rules).toMatchObject([{ is_reason_required: true, expires_ms: 259_200_000 }]);
  });

  it('is neither allowed outright nor forbidden by any rule or default, and rules can name others', () => {
    for (const effect of ['allow', 'forbid'] as const) {
      const evaluation = ask([exampleRule('mute', effect, { on })]);
      expect(evaluation.effect).toBe('review');
      expect(evaluation.requirement?.rules).toMatchObject([{ stages: [{ any: ['group:data'] }] }]);
    }
    const defaults = { effect: 'forbid' as const, require: reviewBy([stage(['owners'])]) };
    expect(ask([], { ...OPERATORS, defaults }).effect).toBe('review');
    const require = reviewBy([stage(['group:auditors'], 2)]);
    const rule = exampleRule('audit', 'review', { on, require, replaces_default: true });
    expect(ask([rule]).requirement?.rules).toMatchObject([{ stages: [{ any: ['group:auditors'] }] }]);
  });

  it('does not end when those behind that request are deactivated or stopped', () => {
    const lineage = [{ role: 'requester' as const, issuer: ISSUER, subject: 'nobody-any-more' }];
    expect(mayStillAsk({ now: DIRECTORY, at_creation: DIRECTORY }, { action: ACTION.action, lineage })).toBe(
      false,
    );
    expect(mayStillAsk({ now: DIRECTORY, at_creation: DIRECTORY }, { action: REVIEW.action, lineage })).toBe(
      true,
    );
    const engaged = {
      id: 'ksw_1',
      scope: { kind: 'all' as const, value: null },
      account: null,
      reason: 'stop',
      thrown_by: 'olga',
      thrown_at: '2026-11-22T08:00:00.000Z',
      lifted_at: null,
    };
    const subject = { target: 'keyturn', lineage, agents: [] };
    expect(switchesAgainst([engaged], { ...subject, action: ACTION.action })).toHaveLength(1);
    expect(switchesAgainst([engaged], { ...subject, action: REVIEW.action })).toEqual([]);
  });

  it('has one id for each request, and no key of a caller leads to it', () => {
    const key = new Uint8Array(32);
    const id = reviewId(key, 'req_a');
    expect(reviewId(key, 'req_a')).toBe(id);
    expect(reviewId(key, 'req_b')).not.toBe(id);
    expect(reviewId(new Uint8Array(32).fill(1), 'req_a')).not.toBe(id);
    const caller = { issuer: 'keyturn-review', subject: 'req_a' };
    for (const idOf of [requestId, gateRequestId]) expect(idOf(key, caller, '')).not.toBe(id);
  });
});
