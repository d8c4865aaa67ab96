import { describe, expect, it } from 'vitest';

import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import type { LineageMember } from '../../../domain/identity/identity.ts';
import { actionOf, isTargetOf, ownTarget, RESOLVE, type Rule } from '../../../domain/policy/policy.ts';
import { planFacts, type PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import { mayStillAsk } from '../../../domain/execution/requester.ts';
import { ACTION, DIRECTORY, exampleRule, FACTS, ISSUER, PLAN, policyOf, TARGET } from '../examples.ts';

const RULES: readonly Rule[] = (['allow', 'review'] as const).map((effect) =>
  exampleRule(effect, effect, { on: { action: [RESOLVE.action], env: null } }),
);

function ask(agent = '', rules: readonly Rule[] = []): Evaluation {
  const policy = policyOf([...rules], { operators: ['group:data'] });
  const facts: PolicyFacts = {
    ...FACTS,
    action: RESOLVE.action,
    target: ownTarget(policy),
    request: { ...FACTS.request, agent },
    plan: planFacts(PLAN),
  };
  return evaluate(policy, facts, 'planned');
}

describe('reporting the outcome of an action', () => {
  it('is in every policy, on Keyturn alone', () => {
    const policy = policyOf([], { actions: [{ ...ACTION, action: RESOLVE.action }] });
    expect(actionOf(policy, RESOLVE.action)).toBe(RESOLVE);
    expect(isTargetOf(ownTarget(policy), RESOLVE)).toBe(true);
    expect(isTargetOf({ ...TARGET, resource_type: RESOLVE.resource_type }, RESOLVE)).toBe(false);
  });

  it('takes an operator besides the person who tells, and two where a machine tells', () => {
    expect(ask().requirement?.distinct_people).toBe(1);
    expect(ask('agent-billing').requirement?.distinct_people).toBe(2);
    expect(ask().requirement?.rules).toMatchObject([
      { stages: [{ any: ['group:data'], quorum: 1 }], is_reason_required: true },
    ]);
  });

  it('is never allowed outright', () => {
    expect(ask('', RULES.slice(0, 1)).effect).toBe('review');
    expect(ask('', RULES).requirement?.rules).toHaveLength(2);
  });

  it('depends on the standing of who tells, and not of those who were behind the action', () => {
    const known = DIRECTORY.people.find(({ active }) => active)?.accounts[0] ?? expect.unreachable();
    const teller: LineageMember = { role: 'requester', ...known };
    const gone = { issuer: ISSUER, subject: 'nobody-any-more' };
    const inactive = DIRECTORY.people.map((person, index) =>
      index === 0 ? person : { ...person, active: false },
    );
    const directory = { ...DIRECTORY, people: inactive };
    const [, other = expect.unreachable()] = directory.people;
    const behind: LineageMember = { role: 'editor', ...(other.accounts[0] ?? gone) };
    expect(
      mayStillAsk(
        { now: directory, at_creation: directory },
        { action: RESOLVE.action, lineage: [teller, behind] },
      ),
    ).toBe(true);
    expect(
      mayStillAsk(
        { now: directory, at_creation: directory },
        { action: ACTION.action, lineage: [teller, behind] },
      ),
    ).toBe(false);
    expect(
      mayStillAsk(
        { now: directory, at_creation: directory },
        { action: RESOLVE.action, lineage: [{ ...behind, role: 'requester' }] },
      ),
    ).toBe(false);
  });
});
