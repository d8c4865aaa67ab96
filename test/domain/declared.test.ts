import { describe, expect, it } from 'vitest';

import { evaluate } from '../../domain/evaluation.ts';
import type { Lineage, LineageMember } from '../../domain/identity.ts';
import type { Rule } from '../../domain/policy.ts';
import { warningsOf } from '../../domain/policy-warnings.ts';
import { requestFacts } from '../../domain/request-facts.ts';
import { DEFAULT_RISK } from '../../domain/risk.ts';
import { DIRECTORY, exampleRule, FACTS, ISSUER, policyOf } from './examples.ts';

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
    const asked = effectFor(DECLARED, replacing).requirement?.rules.map(({ rule }) => rule);
    expect(asked?.toSorted()).toEqual(['dba', 'default']);
    const short = policyOf([exampleRule('dba', 'review', { when: word('== "olga"'), break_glass: true })]);
    const facts = factsOf(DECLARED);
    const emergency = { ...facts, request: { ...facts.request, break_glass: true } };
    expect(evaluate(short, emergency, 'planned').is_break_glass).toBe(false);
    const lines = [
      { weight: 2, because: 'base', when: 'true' },
      { weight: -2, because: 'lower', when: word('== "olga"') },
    ];
    const risky = policyOf([], { risk: { ...DEFAULT_RISK, lines } });
    expect(evaluate(risky, facts, 'planned').risk.score).toBe(2);
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
