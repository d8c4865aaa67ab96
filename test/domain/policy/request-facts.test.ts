import { describe, expect, it } from 'vitest';

import type { Directory } from '../../../domain/identity/directory.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import type { Lineage, LineageMember } from '../../../domain/identity/identity.ts';
import { ruleFactTypes, storedFacts } from '../../../domain/policy/built-in-facts.ts';
import { requestFacts } from '../../../domain/policy/request-facts.ts';
import { mustReconsider } from '../../../domain/execution/reconsideration.ts';
import { checkExpression } from '../../../domain/conditions/check.ts';
import {
  ACTION,
  DIRECTORY,
  examplePerson,
  exampleRule,
  FACTS,
  ISSUER,
  policyOf,
  START,
} from '../examples.ts';

/** Dmitri has a second account. */
const PEOPLE: Directory = {
  ...DIRECTORY,
  people: DIRECTORY.people.map((person) =>
    person.id === 'dmitri'
      ? examplePerson('dmitri', {
          accounts: [
            { issuer: ISSUER, subject: 'sub-dmitri' },
            { issuer: 'https://other.example', subject: 'd' },
          ],
        })
      : person,
  ),
};

const member = (role: LineageMember['role'], subject: string, issuer = ISSUER): LineageMember => ({
  role,
  issuer,
  subject,
});
const AGENT = member('requester', 'agent-billing');

function factsOf(lineage: Lineage) {
  return requestFacts(PEOPLE, { mode: 'gate', lineage, break_glass: false });
}

describe('what policy knows of who asks', () => {
  it('is the agent, who answers for it, whom it acts for, and the groups of all of them', () => {
    expect(factsOf([AGENT, member('owner', 'sub-ada'), member('on_behalf_of', 'sub-olga')])).toEqual({
      mode: 'gate',
      break_glass: false,
      agent: 'billing',
      owner: 'ada',
      on_behalf_of: 'olga',
      declared_on_behalf_of: '',
      chain: ['ada', 'olga'],
      groups: ['data', 'dba'],
    });
  });

  it('is nobody where there is nobody, and the person by whichever account', () => {
    const alone = factsOf([member('requester', 'sub-omar')]);
    expect(alone).toMatchObject({ agent: '', owner: '', on_behalf_of: '', groups: ['shop-owners'] });
    const linked = member('on_behalf_of', 'd', 'https://other.example');
    expect(factsOf([AGENT, linked, member('on_behalf_of', 'sub-dmitri')]).on_behalf_of).toBe('dmitri');
  });

  it('is not taken for nobody when it is somebody unknown, or two people', () => {
    const unknown = factsOf([AGENT, member('on_behalf_of', 'sub-nobody')]);
    const two = factsOf([AGENT, member('on_behalf_of', 'sub-olga'), member('on_behalf_of', 'sub-omar')]);
    const some = factsOf([AGENT, member('on_behalf_of', 'sub-olga'), member('on_behalf_of', 'sub-nobody')]);
    for (const request of [unknown, two, some]) {
      expect(request).not.toHaveProperty('on_behalf_of');
      const alone = policyOf([exampleRule('allow', 'allow', { when: 'request.on_behalf_of == ""' })]);
      expect(evaluate(alone, { ...FACTS, request }, 'planned').effect).toBe('review');
      const named = policyOf([exampleRule('forbid', 'forbid', { when: 'request.on_behalf_of != ""' })]);
      expect(evaluate(named, { ...FACTS, request }, 'planned').effect).toBe('forbid');
    }
  });

  it('is not loosened by who made the key of the agent, and as strict as if that person asked', () => {
    const request = factsOf([AGENT, member('owner', 'sub-ada'), member('key_maker', 'sub-olga')]);
    expect(request).toMatchObject({ chain: ['ada'], on_behalf_of: '', declared_on_behalf_of: '' });
    expect(request.with_declared).toMatchObject({ chain: ['ada', 'olga'], groups: ['data', 'dba'] });
    for (const [effect, answer] of [
      ['allow', 'review'],
      ['forbid', 'forbid'],
    ] as const) {
      const policy = policyOf([exampleRule('rule', effect, { when: '"dba" in request.groups' })]);
      expect(evaluate(policy, { ...FACTS, request }, 'planned').effect).toBe(answer);
    }
  });

  it('is typed, and missing from older facts: only conditions that ask cannot be evaluated then', () => {
    const types = ruleFactTypes(policyOf([]), ACTION);
    const text = '"dba" in request.groups || request.owner == "ada" || request.on_behalf_of == "x"';
    expect(checkExpression(text, types)).toEqual([]);
    expect(checkExpression('request.groups == "dba"', types)).not.toEqual([]);
    const { groups: _groups, owner: _owner, ...before } = factsOf([AGENT]);
    const asks = policyOf([exampleRule('forbid', 'forbid', { when: '"dba" in request.groups' })]);
    expect(evaluate(asks, { ...FACTS, request: before }, 'planned')).toMatchObject({
      effect: 'forbid',
      is_degraded: true,
    });
    const other = policyOf([exampleRule('allow', 'allow', { when: '"ada" in request.chain' })]);
    expect(evaluate(other, { ...FACTS, request: before }, 'planned')).toMatchObject({
      effect: 'allow',
      is_degraded: false,
    });
  });

  it('makes a waiting request be looked at again when it changes', () => {
    const policy = policyOf([exampleRule('forbid', 'forbid', { when: '"shop-owners" in request.groups' })]);
    const lineage = [AGENT];
    const facts = { ...FACTS, request: factsOf(lineage) };
    const { requirement } = evaluate(policy, facts, 'planned');
    const about = {
      action: FACTS.action,
      target: FACTS.target.id,
      owner_key: null,
      shortage: null,
      approvals: [],
    };
    const waiting = { id: 'req_x', ...about, lineage, requirement, facts: storedFacts(facts) };
    const joined = PEOPLE.groups.map((group) =>
      group.id === 'shop-owners' ? { ...group, members: ['omar', 'ada'] } : group,
    );
    expect(mustReconsider(waiting, { policy, directory: PEOPLE, at: START })).toBe(false);
    expect(mustReconsider(waiting, { policy, directory: { ...PEOPLE, groups: joined }, at: START })).toBe(
      true,
    );
  });
});
