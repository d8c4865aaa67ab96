import { describe, expect, it } from 'vitest';

import type { Directory } from '../../../domain/identity/directory.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import { storedFacts } from '../../../domain/policy/built-in-facts.ts';
import { mustReconsider, type WaitingRequest } from '../../../domain/execution/reconsideration.ts';
import { DIRECTORY, exampleRule, FACTS, ISSUER, minutes, policyOf, seats } from '../examples.ts';

const usual = exampleRule('dba', 'review');
const policy = policyOf([usual]);
const WAITING: WaitingRequest = {
  id: 'req_example',
  action: FACTS.action,
  target: FACTS.target.id,
  owner_key: null,
  shortage: null,
  approvals: [],
  lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
  requirement: evaluate(policy, FACTS, 'planned').requirement,
  facts: storedFacts(FACTS),
};

function must(today: PolicySet, directory = DIRECTORY, waiting = WAITING): boolean {
  return mustReconsider(waiting, { policy: today, directory, at: minutes(1) });
}

describe('a waiting request is looked at again', () => {
  it('not while the same is asked for, nor when less is, which would change nothing', () => {
    expect(must(policy)).toBe(false);
    expect(must(policyOf([]))).toBe(false);
    expect(must(policyOf([exampleRule('dba', 'allow')]))).toBe(false);
  });

  it('when more is asked for', () => {
    expect(must(policyOf([usual, exampleRule('dba-leads', 'review')]))).toBe(true);
  });

  it('when it is forbidden now', () => {
    expect(must(policyOf([usual, exampleRule('never', 'forbid')]))).toBe(true);
  });

  it('when somebody behind it is deactivated', () => {
    const agents = DIRECTORY.agents.map((agent) => ({ ...agent, active: false }));
    expect(must(policy, { ...DIRECTORY, agents })).toBe(true);
  });

  describe('when other people can decide it than could', () => {
    const olga = { person: 'olga', at: minutes(1), seats: seats([0, 0]) };
    const approved = { ...WAITING, approvals: [olga] };
    const without = (person: string): Directory => ({
      ...DIRECTORY,
      people: DIRECTORY.people.map((one) => (one.id === person ? { ...one, active: false } : one)),
    });
    const emptied: Directory = {
      ...DIRECTORY,
      groups: DIRECTORY.groups.map((group) => (group.id === 'dba' ? { ...group, members: [] } : group)),
    };
    const deleted: Directory = { ...DIRECTORY, groups: DIRECTORY.groups.filter(({ id }) => id !== 'dba') };
    const short = { ...WAITING, shortage: [{ rule: 'dba', seats: 1, fillable: 0 }] };
    const people = (directory: Directory, waiting: WaitingRequest) => must(policy, directory, waiting);
    it.each<[string, Parameters<typeof people>, boolean]>([
      ['nobody changed', [DIRECTORY, approved], false],
      ['somebody else left', [without('petra'), approved], false],
      ['who approved left', [without('olga'), approved], true],
      ['the group was emptied', [emptied, WAITING], true],
      ['the group was deleted', [deleted, WAITING], true],
      ['too few are known already', [emptied, short], false],
      ['there are enough again', [DIRECTORY, short], true],
    ])('%s', (_name, changed, expected) => {
      expect(people(...changed)).toBe(expected);
    });
  });

  it('in doubt: its target, its facts or its requirement are not known', () => {
    expect(must(policyOf([usual], { targets: [] }))).toBe(true);
    expect(must(policy, DIRECTORY, { ...WAITING, facts: null })).toBe(true);
    expect(must(policy, DIRECTORY, { ...WAITING, requirement: null })).toBe(true);
  });
});
