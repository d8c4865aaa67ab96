import { describe, expect, it } from 'vitest';

import { evaluate } from '../../../domain/policy/evaluation.ts';
import { checkExpression } from '../../../domain/conditions/check.ts';
import type { Directory } from '../../../domain/identity/directory.ts';
import { resolveFacts } from '../../../domain/policy/fact-resolvers.ts';
import { factsOf as madeFacts } from '../../../domain/policy/policy-query.ts';
import { actionOf, type ActionDefinition, type PolicySet, type Rule } from '../../../domain/policy/policy.ts';
import {
  recalledFacts,
  ruleFactTypes,
  storedFacts,
  type PolicyFacts,
} from '../../../domain/policy/built-in-facts.ts';
import { walkGrid } from '../../../policy-authoring/grid.ts';
import { mustReconsider } from '../../../domain/execution/reconsideration.ts';
import { ACTION, DIRECTORY, exampleRule, FACTS, ISSUER, policyOf, START, TARGET } from '../examples.ts';

const GRANT: ActionDefinition = {
  ...ACTION,
  action: 'iam.grant',
  connector: null,
  arguments: {
    type: 'object',
    required: ['grantee'],
    properties: { grantee: { type: 'string' }, dataset: { type: 'string' }, depot: { type: 'string' } },
  },
  facts: {
    grantee: { resolver: 'identity', of: 'args.grantee' },
    dataset: { resolver: 'target', of: 'args.dataset' },
    depot: { resolver: 'table', table: 'depots', of: 'args.depot' },
  },
};

const DEPOTS = {
  id: 'depots',
  columns: { trusted: 'flag', kind: ['internal', 'partner'], limit: 'integer' },
  rows: {
    'sftp://partner': { trusted: false, kind: 'partner', limit: 5 },
    's3://corp': { trusted: true, kind: 'internal', limit: 100 },
  },
} as const;

/** Olga has left; the agent "shipping" belongs to Ada, as does the one that asks. */
const PEOPLE: Directory = {
  ...DIRECTORY,
  people: DIRECTORY.people.map((person) => (person.id === 'olga' ? { ...person, active: false } : person)),
  agents: [
    ...DIRECTORY.agents,
    {
      id: 'shipping',
      name: 'Shipping',
      active: true,
      issuer: ISSUER,
      subject: 'agent-shipping',
      owner: 'ada',
      acts_for_people: false,
    },
    {
      id: 'stranger',
      name: 'Stranger',
      active: true,
      issuer: ISSUER,
      subject: 'agent-stranger',
      owner: 'omar',
      acts_for_people: false,
    },
  ],
};

function policyWith(rules: readonly Rule[], changes: Partial<PolicySet> = {}): PolicySet {
  return policyOf(rules, { actions: [GRANT], directory: PEOPLE, tables: [DEPOTS], ...changes });
}

const POLICY = policyWith([]);

function factsOf(args: PolicyFacts['args'], policy = POLICY): PolicyFacts {
  const known = { ...FACTS, action: GRANT.action, args, plan: null };
  const facts = resolveFacts(actionOf(policy, GRANT.action) ?? {}, {
    ...known,
    policy,
    directory: policy.directory,
  });
  return { ...known, ...(facts && { facts }) };
}

function valueOf(name: string, args: PolicyFacts['args']): unknown {
  return factsOf(args).facts?.[name]?.value;
}

const on = { action: [GRANT.action], env: null };

function effectOf(when: string, effect: Rule['effect'], facts: PolicyFacts): string {
  return evaluate(policyWith([exampleRule(effect, effect, { on, when })]), facts, 'planned').effect;
}

describe('a fact about an identity', () => {
  it('says who it is, in which groups, nested ones included, and whether it is behind the request', () => {
    expect(valueOf('grantee', { grantee: 'dmitri' })).toEqual({
      known: true,
      active: true,
      kind: 'person',
      groups: ['dba', 'data'],
      is_in_chain: false,
    });
    expect(valueOf('grantee', { grantee: 'ada' })).toMatchObject({ is_in_chain: true });
    expect(valueOf('grantee', { grantee: 'olga' })).toMatchObject({ known: true, active: false });
  });

  it('has an agent behind the request when it asks, or works for somebody behind it', () => {
    expect(valueOf('grantee', { grantee: 'billing' })).toMatchObject({ kind: 'agent', is_in_chain: true });
    expect(valueOf('grantee', { grantee: 'shipping' })).toMatchObject({ kind: 'agent', is_in_chain: true });
    expect(valueOf('grantee', { grantee: 'stranger' })).toMatchObject({ kind: 'agent', is_in_chain: false });
  });

  it('says nothing of whom the directory does not know, and nothing of an id that two have', () => {
    for (const grantee of ['nobody', 'sub-ada', '', 'toString', '__proto__']) {
      expect(valueOf('grantee', { grantee })).toEqual({ known: false });
    }
    const [first] = PEOPLE.people;
    const twice = { ...PEOPLE, people: [...PEOPLE.people, { ...first, id: 'billing' } as never] };
    const facts = factsOf({ grantee: 'billing' }, policyWith([], { directory: twice }));
    expect(facts.facts?.['grantee']?.value).toEqual({ known: false });
  });
});

describe('a fact about a target', () => {
  it('says what the policy says of it, and nothing of what it does not have', () => {
    expect(valueOf('dataset', { grantee: 'x', dataset: TARGET.id })).toEqual({
      known: true,
      type: 'postgres.database',
      env: 'prod',
      production: true,
      owners: ['group:shop-owners'],
      tags: [],
      class: 'unclassified',
    });
    for (const dataset of ['elsewhere', 'keyturn', '']) {
      expect(valueOf('dataset', { grantee: 'x', dataset })).toEqual({ known: false });
    }
  });
});

describe('a fact from a table', () => {
  it('is the row of the key, and nothing for another key', () => {
    expect(valueOf('depot', { grantee: 'x', depot: 's3://corp' })).toEqual({
      known: true,
      trusted: true,
      kind: 'internal',
      limit: 100,
    });
    for (const depot of ['s3://corp/', 'S3://corp', 'constructor', '__proto__', '']) {
      expect(valueOf('depot', { grantee: 'x', depot })).toEqual({ known: false });
    }
  });
});

describe('a condition on such facts', () => {
  const types = ruleFactTypes(POLICY, GRANT);
  const problems = (text: string) => checkExpression(text, types).map(({ message }) => message);

  it.each([
    'facts.grantee.known && "dba" in facts.grantee.groups',
    '!facts.grantee.known || !facts.grantee.active',
    'facts.grantee.known ? facts.grantee.is_in_chain : true',
    'has(facts.depot) && facts.depot.known && facts.depot.limit > 5 && facts.depot.kind == "partner"',
    'has(facts.dataset) && has(facts.dataset.env) && facts.dataset.env == "prod"',
  ])('may be %s', (text) => {
    expect(problems(text)).toEqual([]);
  });

  it.each([
    ['"dba" in facts.grantee.groups', "'groups' may be absent: test it first with facts.grantee.known && …"],
    [
      'has(facts.grantee.known) && facts.grantee.active',
      "'active' may be absent: test it first with facts.grantee.known && …",
    ],
    [
      'facts.grantee.known || facts.grantee.active',
      "'active' may be absent: test it first with facts.grantee.known && …",
    ],
    [
      'has(facts.depot) && facts.grantee.known && facts.depot.trusted',
      "'trusted' may be absent: test it first with facts.depot.known && …",
    ],
    ['facts.depot.known', "'depot' may be absent: test it first with has(facts.depot) && …"],
    [
      'has(facts.depot) && facts.depot.known && facts.depot.kind == "intern"',
      "'intern' is not one of internal, partner",
    ],
    ['facts.grante.known', "unknown field 'grante', did you mean 'grantee'?"],
  ])('may not be %s', (text, problem) => {
    expect(problems(text)).toEqual([expect.stringContaining(problem)]);
  });

  it('decides by what is looked up', () => {
    const trusted = 'has(facts.depot) && facts.depot.known && facts.depot.trusted';
    expect(effectOf(trusted, 'allow', factsOf({ grantee: 'omar', depot: 's3://corp' }))).toBe('allow');
    expect(effectOf(trusted, 'allow', factsOf({ grantee: 'omar', depot: 'sftp://partner' }))).toBe('review');
    expect(effectOf(trusted, 'allow', factsOf({ grantee: 'omar', depot: 'elsewhere' }))).toBe('review');
    expect(effectOf(trusted, 'allow', factsOf({ grantee: 'omar' }))).toBe('review');
  });

  it('forbids, and allows nothing, when an argument is no text or the fact was never made', () => {
    const left = '!facts.grantee.known || !facts.grantee.active';
    const active = 'facts.grantee.known && facts.grantee.active';
    const { facts: _facts, ...unmade } = factsOf({ grantee: 'omar' });
    for (const broken of [factsOf({ grantee: 7 }), factsOf({}), factsOf({ grantee: ['omar'] }), unmade]) {
      expect(effectOf(left, 'forbid', broken)).toBe('forbid');
      expect(effectOf(active, 'allow', broken)).toBe('review');
      const { is_degraded } = evaluate(
        policyWith([exampleRule('forbid', 'forbid', { on, when: left })]),
        broken,
        'planned',
      );
      expect(is_degraded).toBe(true);
    }
  });

  it('forbids when a kept fact is not of its type', () => {
    const facts = factsOf({ grantee: 'omar' });
    const grantee = { resolver: 'identity', of: 'omar', value: { known: true, active: 'yes' } } as const;
    const altered = { ...facts, facts: { ...facts.facts, grantee } };
    expect(effectOf('facts.grantee.known && !facts.grantee.active', 'forbid', altered)).toBe('forbid');
  });
});

describe('kept facts', () => {
  const stored = storedFacts(factsOf({ grantee: 'omar', depot: 's3://corp' }));

  it('say who was who then, whatever the directory says now', () => {
    const left = { ...PEOPLE, people: PEOPLE.people.filter(({ id }) => id !== 'omar') };
    const recalled = recalledFacts(policyWith([], { directory: left }), stored);
    expect(recalled?.facts?.['grantee']?.value).toMatchObject({ known: true, active: true });
    expect(recalledFacts(POLICY, stored)).toEqual(factsOf({ grantee: 'omar', depot: 's3://corp' }));
  });

  it('are looked up anew in another policy, which says what its tables hold', () => {
    const rows = { ...DEPOTS.rows, 's3://corp': { trusted: false, kind: 'internal', limit: 1 } };
    const other = policyWith([], { tables: [{ ...DEPOTS, rows }] });
    expect(recalledFacts(other, stored)?.facts?.['depot']?.value).toMatchObject({ trusted: false, limit: 1 });
  });

  it('of an identity under another name are still about it; what was never kept is absent', () => {
    const renamed = policyWith([], {
      actions: [{ ...GRANT, facts: { receiver: { resolver: 'identity', of: 'args.grantee' } } }],
    });
    expect(recalledFacts(renamed, stored)?.facts?.['receiver']?.value).toMatchObject({ known: true });
    const elsewhere = policyWith([], {
      actions: [{ ...GRANT, facts: { receiver: { resolver: 'identity', of: 'args.depot' } } }],
    });
    expect(recalledFacts(elsewhere, stored)?.facts).toEqual({});
  });

  it('are absent for an action that declares none: what was stored before stays as it was', () => {
    const query = {
      ...FACTS,
      policy: policyOf([]),
      directory: DIRECTORY,
      lineage: [],
      mode: 'execute' as const,
    };
    const plain = madeFacts({ ...query, at: new Date(FACTS.at) }, FACTS);
    expect(Object.keys(storedFacts(plain))).not.toContain('facts');
    expect(recalledFacts(policyOf([]), storedFacts(plain))).toEqual(plain);
  });
});

describe('a change of what is looked up', () => {
  const careful = exampleRule('careful', 'forbid', {
    on,
    when: 'has(facts.depot) && facts.depot.known && !facts.depot.trusted',
  });

  it('is found by the grid, with the key that it is about', () => {
    const base = policyWith([careful]);
    const rows = { ...DEPOTS.rows, 'sftp://partner': { trusted: true, kind: 'partner', limit: 5 } };
    const { counterexamples } = walkGrid(base, { ...base, tables: [{ ...DEPOTS, rows }] });
    expect(counterexamples).toContainEqual(
      expect.objectContaining({ rule: 'careful', facts: { 'args.depot': 'sftp://partner' } }),
    );
    expect(walkGrid(base, base).looser).toBe(0);
  });

  it('makes a waiting request be looked at again: in the policy as in the directory', () => {
    const left = exampleRule('left', 'forbid', {
      on,
      when: '!facts.grantee.known || !facts.grantee.active',
    });
    const policy = policyWith([left]);
    const facts = storedFacts(factsOf({ grantee: 'omar' }, policy));
    const recalled = recalledFacts(policy, facts);
    const requirement = recalled && evaluate(policy, recalled, 'planned').requirement;
    const about = { action: FACTS.action, target: FACTS.target.id, owner_key: null };
    const waiting = {
      id: 'req_x',
      ...about,
      requirement: requirement ?? null,
      facts,
      shortage: null,
      approvals: [],
    };
    const gone = PEOPLE.people.map((person) =>
      person.id === 'omar' ? { ...person, active: false } : person,
    );
    const lineage = [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }] as const;
    const asked = { ...waiting, lineage };
    expect(mustReconsider(asked, { policy, directory: PEOPLE, at: START })).toBe(false);
    expect(mustReconsider(asked, { policy, directory: { ...PEOPLE, people: gone }, at: START })).toBe(true);
  });
});
