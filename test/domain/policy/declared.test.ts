import { describe, expect, it } from 'vitest';

import { evaluate } from '../../../domain/policy/evaluation.ts';
import type { Lineage, LineageMember } from '../../../domain/identity/identity.ts';
import type { Rule } from '../../../domain/policy/policy.ts';
import { warningsOf } from '../../../policy-authoring/warnings.ts';
import { resolveFacts } from '../../../domain/policy/fact-resolvers.ts';
import { requestFacts } from '../../../domain/policy/request-facts.ts';
import { DEFAULT_RISK } from '../../../domain/policy/risk.ts';
import { ACTION, DIRECTORY, exampleRule, FACTS, ISSUER, policyOf } from '../examples.ts';

const AGENT: LineageMember = { role: 'requester', issuer: ISSUER, subject: 'agent-billing' };
const OWNER: LineageMember = { role: 'owner', issuer: ISSUER, subject: 'sub-ada' };
const FOR_OLGA: LineageMember = { role: 'on_behalf_of', issuer: ISSUER, subject: 'sub-olga' };

const ALONE: Lineage = [AGENT, OWNER];
const PROVEN: Lineage = [AGENT, FOR_OLGA, OWNER];
const DECLARED: Lineage = [AGENT, { ...FOR_OLGA, is_declared: true }, OWNER];
const STRANGER: Lineage = [AGENT, { ...FOR_OLGA, subject: 'nobody', is_declared: true }, OWNER];

function factsOf(lineage: Lineage) {
  return { ...FACTS, request: requestFacts(DIRECTORY, { mode: 'execute', lineage, break_glass: false }) };
}

function effectFor(lineage: Lineage, rules: readonly Rule[]) {
  return evaluate(policyOf(rules), factsOf(lineage), 'planned');
}

const word = (when: string): string => `request.declared_on_behalf_of ${when}`;

describe('whom only the caller names', () => {
  it.each([
    ['allow', '"dba" in request.groups'],
    ['allow', '"olga" in request.chain'],
    ['allow', 'request.on_behalf_of == "olga"'],
    ['allow', 'request.chain.size() > 1'],
    ['forbid', '!("olga" in request.chain)'],
    ['forbid', 'request.chain.size() < 2'],
    ['forbid', 'request.on_behalf_of != "olga"'],
  ] as const)('changes nothing for a rule that is to %s when %s, as a token does', (effect, when) => {
    const rules = [exampleRule('rule', effect, { when })];
    const alone = effectFor(ALONE, rules).effect;
    expect(effectFor(DECLARED, rules).effect).toBe(alone);
    expect(effectFor(STRANGER, rules).effect).toBe(alone);
    expect(effectFor(PROVEN, rules).effect).not.toBe(alone);
  });

  it.each([
    ['forbid', '"dba" in request.groups'],
    ['forbid', '"olga" in request.chain'],
    ['forbid', 'request.on_behalf_of == "olga"'],
    ['forbid', 'request.chain.size() > 1'],
    ['forbid', 'request.chain.exists(one, one == "olga")'],
    ['review', '"dba" in request.groups'],
    ['allow', 'request.chain.size() < 2'],
    ['allow', '!("dba" in request.groups)'],
    ['allow', 'request.on_behalf_of != "olga"'],
  ] as const)('is reached by a rule to %s when %s, as by a token', (effect, when) => {
    const rules = [exampleRule('rule', effect, { when })];
    const reached = (lineage: Lineage) => {
      const evaluation = effectFor(lineage, rules);
      return [evaluation.effect, evaluation.rules.map(({ id }) => id)];
    };
    expect(reached(DECLARED)).toEqual(reached(PROVEN));
    expect(reached(DECLARED)).not.toEqual(reached(ALONE));
  });

  it('is reached beside whom a token names, in each of the two', () => {
    const both: Lineage = [AGENT, { ...FOR_OLGA, subject: 'sub-omar' }, { ...FOR_OLGA, is_declared: true }];
    for (const person of ['olga', 'omar'])
      for (const when of [`request.on_behalf_of == "${person}"`, `"${person}" in request.chain`])
        expect(effectFor(both, [exampleRule('rule', 'forbid', { when })]).effect).toBe('forbid');
    const other = exampleRule('rule', 'forbid', { when: 'request.on_behalf_of == "petra"' });
    expect(effectFor(both, [other]).effect).toBe('review');
  });

  it.each([
    ['forbid', 'facts.grantee.known && facts.grantee.is_in_chain', 'forbid'],
    ['forbid', 'facts.grantee.known && !facts.grantee.is_in_chain', 'forbid'],
    ['allow', 'facts.grantee.known && facts.grantee.is_in_chain', 'review'],
  ] as const)('counts in facts about an argument for a rule to %s when %s', (effect, when, expected) => {
    const grant = {
      ...ACTION,
      arguments: { type: 'object', required: ['grantee'], properties: { grantee: { type: 'string' } } },
      facts: { grantee: { resolver: 'identity', of: 'args.grantee' } },
    } as const;
    const policy = policyOf([exampleRule('rule', effect, { when })], { actions: [grant] });
    for (const grantee of ['olga', 'billing-of-olga']) {
      const agent = {
        ...AGENT,
        id: 'billing-of-olga',
        name: '',
        active: true,
        owner: 'olga',
        acts_for_people: false,
      };
      const directory = { ...DIRECTORY, agents: [...DIRECTORY.agents, { ...agent, subject: 'another' }] };
      const known = { ...factsOf(DECLARED), args: { grantee } };
      const facts = { ...known, facts: resolveFacts(grant, { ...known, policy, directory }) ?? {} };
      expect(evaluate(policy, facts, 'planned').effect).toBe(expected);
    }
  });

  it('is marked where a rule read it as if proven, and so is what was read without it', () => {
    const rules = [
      exampleRule('groups', 'review', { when: '"dba" in request.groups && request.owner == "ada"' }),
      exampleRule('word', 'review', { when: 'request.declared_on_behalf_of == ""' }),
    ];
    const marksOf = (lineage: Lineage) =>
      effectFor(lineage, rules).rules.flatMap(({ read }) => read?.map((one) => [one.path, one.as_if]));
    expect(marksOf(DECLARED)).toEqual([
      ['request.groups', 'proven'],
      ['request.owner', undefined],
      ['request.declared_on_behalf_of', 'undeclared'],
    ]);
    expect(marksOf(PROVEN)).toEqual([
      ['request.groups', undefined],
      ['request.owner', undefined],
      ['request.declared_on_behalf_of', undefined],
    ]);
  });

  it('raises the risk', () => {
    const lines = [{ weight: 3, because: 'dba', when: '"dba" in request.groups' }];
    const risky = policyOf([], { risk: { ...DEFAULT_RISK, lines } });
    expect(evaluate(risky, factsOf(DECLARED), 'planned').risk.score).toBe(3);
    expect(evaluate(risky, factsOf(ALONE), 'planned').risk.score).toBe(0);
  });

  it.each([
    ['allow', word('== "olga"'), 'review', 'review'],
    ['allow', word('!= ""'), 'review', 'review'],
    ['allow', word('== ""'), 'allow', 'review'],
    ['forbid', word('== "olga"'), 'review', 'forbid'],
    ['forbid', word('!= "olga"'), 'forbid', 'forbid'],
    ['forbid', word('== ""'), 'forbid', 'forbid'],
  ] as const)('never loosens a rule to %s when %s: %s alone, %s with it', (...row) => {
    const [effect, when, alone, named] = row;
    const rules = [exampleRule('rule', effect, { when })];
    expect(effectFor(ALONE, rules).effect).toBe(alone);
    expect(effectFor(DECLARED, rules).effect).toBe(named);
  });

  it('neither replaces the default, nor opens the short path, nor lowers the risk', () => {
    const replacing = [exampleRule('dba', 'review', { when: word('== "olga"'), replaces_default: true })];
    const rules = effectFor(DECLARED, replacing).requirement?.rules.map(({ rule }) => rule);
    expect(rules?.toSorted()).toEqual(['dba', 'default']);
    const short = policyOf([exampleRule('dba', 'review', { when: word('== "olga"'), break_glass: true })]);
    const facts = factsOf(DECLARED);
    const breakGlass = { ...facts, request: { ...facts.request, break_glass: true } };
    expect(evaluate(short, breakGlass, 'planned').is_break_glass).toBe(false);
    const lines = [
      { weight: 2, because: 'base', when: 'true' },
      { weight: -2, because: 'lower', when: word('== "olga"') },
    ];
    const risky = policyOf([], { risk: { ...DEFAULT_RISK, lines } });
    expect(evaluate(risky, facts, 'planned').risk.score).toBe(2);
  });

  it.each([
    word('in ["olga", "omar"]'),
    '["olga"].exists(one, one == request.declared_on_behalf_of)',
    '[request].exists(one, one.declared_on_behalf_of == "olga")',
    '["olga"].map(one, one + request.declared_on_behalf_of).size() > 3',
    'request["declared_on_behalf_of"] == "olga"',
    'glob(request.declared_on_behalf_of, "o*")',
    'request.break_glass ? request.declared_on_behalf_of == "olga" : false',
  ])('is warned of where a rule that allows reads it by %s', (when) => {
    const found = warningsOf(policyOf([exampleRule('rule', 'allow', { when })]));
    expect(found.map(({ code }) => code)).toContain('declared_only');
  });

  it('is warned of where a rule counts on it', () => {
    const codes = (effect: Rule['effect'], when: string): readonly string[] =>
      warningsOf(policyOf([exampleRule('rule', effect, { when })])).map(({ code }) => code);
    expect(codes('allow', word('== "olga"'))).toContain('declared_only');
    expect(codes('forbid', word('== "olga"'))).not.toContain('declared_only');
    expect(codes('allow', 'request.on_behalf_of == "olga"')).not.toContain('declared_only');
  });
});

const CLIENT: LineageMember = { role: 'trigger', issuer: ISSUER, subject: 'agent-billing' };

describe('an agent that asks with the token of a person', () => {
  it.each<[string, Lineage]>([
    ['as itself', ALONE],
    ['for a person', PROVEN],
    ['as the client of a person', [{ ...FOR_OLGA, role: 'requester' }, CLIENT, OWNER]],
    ['as a trigger behind another actor', [{ ...FOR_OLGA, role: 'requester' }, OWNER, CLIENT]],
  ])('is the agent in facts %s', (_how, lineage) => {
    expect(factsOf(lineage).request).toMatchObject({ agent: 'billing', owner: 'ada' });
  });
});

describe('an agent that only another issuer than its own names', () => {
  const PERSON: LineageMember = { role: 'requester', issuer: ISSUER, subject: 'sub-omar' };
  const AS_TRIGGER: LineageMember = { ...AGENT, role: 'trigger' };
  const lineages: readonly Lineage[] = [
    [PERSON],
    [PERSON, AS_TRIGGER],
    [PERSON, { ...AS_TRIGGER, is_declared: true }],
  ];

  it.each([
    ['allow', 'request.agent != ""', ['review', 'allow', 'review']],
    ['allow', 'request.owner == "ada"', ['review', 'allow', 'review']],
    ['allow', 'request.agent == ""', ['allow', 'review', 'review']],
    ['forbid', 'request.agent != ""', ['review', 'forbid', 'forbid']],
    ['forbid', 'request.agent == ""', ['forbid', 'review', 'forbid']],
    ['forbid', '"ada" in request.chain', ['review', 'forbid', 'forbid']],
  ] as const)('only tightens: a rule to %s when %s', (effect, when, expected) => {
    const rules = [exampleRule('rule', effect, { when })];
    expect(lineages.map((lineage) => effectFor(lineage, rules).effect)).toEqual(expected);
  });

  it('leaves the person that a token names', () => {
    const actedFor: Lineage = [PERSON, FOR_OLGA, { ...AS_TRIGGER, is_declared: true }];
    const rules = [exampleRule('rule', 'allow', { when: 'request.on_behalf_of == "olga"' })];
    expect(effectFor(actedFor, rules).effect).toBe('allow');
  });
});
