import { describe, expect, it } from 'vitest';

import { backtest } from '../../policy-authoring/run-backtest.ts';
import { ownerKeyOf, ownersByArguments, ownersOf } from '../../../domain/approval/owners.ts';
import { selectorChanges } from '../../../domain/policy-diff/people.ts';
import { runPolicyTests } from '../../../policy-authoring/policy-test.ts';
import type { ActionDefinition, PolicySet } from '../../../domain/policy/policy.ts';
import { storedFacts } from '../../../domain/policy/built-in-facts.ts';
import { by, outcome } from './decisions.ts';
import {
  ACTION,
  approval,
  reviewBy,
  FACTS,
  ISSUER,
  policyOf,
  seats,
  stage,
  START,
  TARGET,
} from '../examples.ts';

const requirementOfOwners = {
  risk: 'low',
  distinct_people: 1,
  rules: [reviewBy([stage(['owners'])])],
} as const;

/** What people call "dataset" is looked up in a table; what is not there is for the leads. */
function exporting(changes: Partial<ActionDefinition> = {}): ActionDefinition {
  return {
    ...ACTION,
    arguments: {
      type: 'object',
      properties: { dataset: { type: 'string' }, other: { type: 'string' } },
    },
    owners: {
      resolver: 'table',
      table: 'sets',
      column: 'owners',
      of: 'args.dataset',
      otherwise: 'group:dba-leads',
    },
    ...changes,
  };
}

function policyWith(rows: Readonly<Record<string, readonly string[]>>, action = exporting()): PolicySet {
  const cells = Object.entries(rows).map(([key, owners]) => [key, { owners: [...owners] }]);
  const tables = [{ id: 'sets', columns: { owners: 'selectors' }, rows: Object.fromEntries(cells) }] as const;
  return policyOf([], { actions: [action], tables });
}

const POLICY = policyWith({ crm: ['group:dba'], web: ['group:data', 'user:omar'] });

const QUERY = { action: ACTION.action, target: TARGET.id };

function ownersFor(args: Readonly<Record<string, string | number>>, policy = POLICY): readonly string[] {
  return ownersByArguments(policy, { ...QUERY, args });
}

describe('the owners of a request', () => {
  it('are those of its target, where the action says nothing else, whatever was kept', () => {
    const plain = policyOf([]);
    expect(ownersFor({ dataset: 'crm' }, plain)).toEqual(TARGET.owners);
    expect(ownerKeyOf(plain, { action: ACTION.action, args: { dataset: 'crm' } })).toBeNull();
    const kept = { of: 'args.dataset', value: 'crm' };
    expect(ownersOf(plain, { ...QUERY, owner_key: kept })).toEqual(TARGET.owners);
  });

  it('are those of what the argument names, and others where that is not known or absent', () => {
    expect(ownersFor({ dataset: 'crm' })).toEqual(['group:dba']);
    expect(ownersFor({ dataset: 'web' })).toEqual(['group:data', 'user:omar']);
    for (const args of [{ dataset: 'crm ' }, { dataset: '__proto__' }, { dataset: '' }, { dataset: 7 }, {}])
      expect(ownersFor(args)).toEqual(['group:dba-leads']);
  });

  it('are those of another target by its id, and Keyturn itself is none', () => {
    const owners = { resolver: 'target', of: 'args.dataset', otherwise: 'group:dba-leads' } as const;
    const policy = policyOf([], {
      actions: [exporting({ owners })],
      targets: [TARGET, { ...TARGET, id: 'lake', owners: ['group:data'] }],
      operators: ['user:omar'],
    });
    expect(ownersFor({ dataset: 'lake' }, policy)).toEqual(['group:data']);
    expect(ownersFor({ dataset: TARGET.id }, policy)).toEqual(TARGET.owners);
    expect(ownersFor({ dataset: 'sea' }, policy)).toEqual(['group:dba-leads']);
    expect(ownersFor({ dataset: 'keyturn' }, policy)).toEqual(['group:dba-leads']);
  });

  it('are nobody where the policy has no such target, or asks another argument than the one that was kept', () => {
    expect(ownersByArguments(POLICY, { ...QUERY, target: 'gone', args: { dataset: 'crm' } })).toEqual([]);
    expect(ownersOf(POLICY, { ...QUERY, owner_key: { of: 'args.other', value: 'crm' } })).toEqual([]);
    expect(ownersOf(POLICY, { ...QUERY, owner_key: null })).toEqual([]);
  });

  it('are looked up by a key that a database can keep', () => {
    const keyOf = (dataset: string): unknown =>
      ownerKeyOf(POLICY, { action: ACTION.action, args: { dataset } });
    expect(keyOf('crm')).toEqual({ of: 'args.dataset', value: 'crm' });
    for (const odd of ['a\u0000b', 'a\nb', '\ud800', '\u202ecrm', 'x'.repeat(501)])
      expect(keyOf(odd)).toEqual({ of: 'args.dataset', value: null });
    expect(keyOf('x'.repeat(500))).toEqual({ of: 'args.dataset', value: 'x'.repeat(500) });
  });
});

describe('who decides as an owner', () => {
  /** What comes of an approval, where the table was this when the request was made, and is that now. */
  function answer(
    person: string,
    then: PolicySet,
    { now = then, dataset = 'crm' }: { readonly now?: PolicySet; readonly dataset?: string } = {},
  ): string {
    const key = ownerKeyOf(then, { action: ACTION.action, args: { dataset } });
    const request = { ...QUERY, owner_key: key };
    return outcome({
      request: { owners: ownersOf(now, request), requirement: requirementOfOwners },
      ownersAtCreation: ownersOf(then, request),
      attempt: by(person),
    });
  }

  it('is a member of what the table names, and not who owns the target', () => {
    expect(answer('olga', POLICY)).toBe('ok');
    expect(answer('omar', POLICY)).toBe('not_eligible');
    expect(answer('omar', POLICY, { dataset: 'web' })).toBe('ok');
    expect(answer('petra', POLICY, { dataset: 'unheard-of' })).toBe('ok');
  });

  it('was one when the request was made: a row that was added or changed since then seats nobody', () => {
    const before = policyWith({});
    expect(answer('olga', before, { now: POLICY })).toBe('not_eligible');
    expect(answer('petra', before, { now: POLICY })).toBe('not_eligible');
    expect(answer('olga', policyWith({ crm: ['user:petra'] }), { now: POLICY })).toBe('not_eligible');
  });

  it('is one still: a row that was removed seats nobody', () => {
    expect(answer('olga', POLICY, { now: policyWith({}) })).toBe('not_eligible');
  });

  it('is nobody while the policy of now looks owners up by something else than that of then', () => {
    const plain = policyOf([], { actions: [exporting()].map(({ owners: _owners, ...action }) => action) });
    for (const person of ['olga', 'omar', 'petra'])
      expect(answer(person, plain, { now: POLICY })).toBe('not_eligible');
  });

  it('is never who stands behind the request', () => {
    expect(answer('ada', policyWith({ crm: ['user:ada'] }))).toBe('self_approval');
  });
});

describe('what is said of a policy', () => {
  it('in its tests has the owners of what the arguments name', () => {
    const given = {
      action: ACTION.action,
      target: TARGET.id,
      requester: 'billing',
      on_behalf_of: null,
      declared_on_behalf_of: null,
      arguments: { dataset: 'crm' },
      plan: FACTS.plan,
      mode: 'execute',
      break_glass: false,
      at: START,
      history: FACTS.history,
      windows: {},
      decisions: [],
    } as const;
    const may = { olga: 'yes', omar: 'not_eligible' } as const;
    const test = { name: 'a test', source: 'tests/a.yaml:2', given, expect: {}, may, after_ms: 0 };
    expect(runPolicyTests(POLICY, [test]).results).toMatchObject([{ ok: true, failures: [] }]);
  });

  it('in a backtest has the owners of the arguments that were kept', () => {
    const record = {
      request: 'r',
      round: 1,
      facts: storedFacts({ ...FACTS, args: { dataset: 'crm' } }),
      lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }] as const,
      outcome: 'approved',
      pending_since: START,
      decisions: [approval('olga', seats([0, 0]))],
    } as const;
    const elsewhere = policyWith({ crm: ['user:omar'] });
    expect(backtest([record], POLICY, POLICY)).toMatchObject({ insufficient: 0, unsatisfiable: 0 });
    expect(backtest([record], POLICY, elsewhere)).toMatchObject({ insufficient: 1, unsatisfiable: 0 });
    expect(backtest([record], POLICY, policyWith({ crm: ['group:gone'] }))).toMatchObject({
      unsatisfiable: 1,
    });
  });

  it('in a comparison names who joins and leaves a group that only a table or its alternative asks', () => {
    const moved = POLICY.directory.groups.map((group) =>
      ['dba', 'dba-leads'].includes(group.id) ? { ...group, members: ['omar'] } : group,
    );
    const after = { ...POLICY, directory: { ...POLICY.directory, groups: moved } };
    const changed = selectorChanges(POLICY, after).map(({ selector }) => selector);
    expect(changed).toEqual(expect.arrayContaining(['group:dba', 'group:dba-leads']));
  });
});
