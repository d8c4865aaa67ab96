import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Identity, Lineage, LineageRole } from '../../../domain/identity/identity.ts';
import {
  accountName,
  accountOf,
  isOperator,
  operatorsOf,
  SWITCH_SCOPE_KINDS,
  switchesAgainst,
  type KillSwitch,
  type SwitchScope,
  type SwitchSubject,
} from '../../../domain/execution/kill-switch.ts';
import { throwBodySchema } from '../../../contract/switches.ts';
import { examplePerson, ISSUER, START } from '../examples.ts';

const AGENT = { id: 'agent-billing', issuer: ISSUER, subject: 'sub-billing' };
const ROLES: readonly LineageRole[] = [
  'requester',
  'owner',
  'on_behalf_of',
  'trigger',
  'editor',
  'key_maker',
];

function engaged(scope: SwitchScope, changes: Partial<KillSwitch> = {}): KillSwitch {
  return {
    id: 'swi_1',
    scope,
    account: null,
    reason: 'because',
    thrown_by: 'petra',
    thrown_at: START,
    lifted_at: null,
    ...changes,
  };
}

function subjectOf(lineage: Lineage, changes: Partial<SwitchSubject> = {}): SwitchSubject {
  return { action: 'postgres.execute', target: 'shop', lineage, agents: [AGENT], ...changes };
}

const account = fc.record({ issuer: fc.constantFrom(ISSUER, 'https://other.example'), subject: fc.string() });
const lineages = fc
  .array(fc.tuple(account, fc.constantFrom(...ROLES)), { minLength: 1, maxLength: 4 })
  .map((members): Lineage => members.map(([identity, role]) => ({ ...identity, role })));
const subjects = fc
  .record({
    action: fc.oneof(
      fc.string(),
      fc.string().map((name) => `keyturn.${name}`),
    ),
    target: fc.string(),
    lineage: lineages,
  })
  .map((facts): SwitchSubject => ({ ...facts, agents: [AGENT] }));
const scopes = fc
  .tuple(fc.constantFrom(...SWITCH_SCOPE_KINDS), fc.string())
  .map(([kind, value]): SwitchScope => ({ kind, value: kind === 'all' ? null : value }));
const switches = fc.array(
  fc
    .tuple(scopes, fc.boolean())
    .map(([scope, isReleased]) => engaged(scope, { lifted_at: isReleased ? START : null })),
  { maxLength: 5 },
);

describe('a kill switch', () => {
  it('never stops what Keyturn does itself, whatever its scope', () => {
    fc.assert(
      fc.property(switches, subjects, fc.string(), (all, subject, name) => {
        const own = { ...subject, action: `keyturn.${name}` };
        expect(switchesAgainst([...all, engaged({ kind: 'action', value: own.action })], own)).toEqual([]);
      }),
    );
  });

  it('on everything stops everything else', () => {
    fc.assert(
      fc.property(subjects, (subject) => {
        const stopped = switchesAgainst([engaged({ kind: 'all', value: null })], subject).length === 1;
        expect(stopped).toBe(!subject.action.startsWith('keyturn.'));
      }),
    );
  });

  it('that is lifted stops nothing, and one more never stops less', () => {
    fc.assert(
      fc.property(switches, switches, subjects, (some, more, subject) => {
        const found = switchesAgainst(some, subject);
        expect(found.every((one) => one.lifted_at === null)).toBe(true);
        expect(switchesAgainst([...some, ...more], subject).slice(0, found.length)).toEqual(found);
      }),
    );
  });

  it('on an action or a target stops exactly that name', () => {
    fc.assert(
      fc.property(subjects, fc.constantFrom('action', 'target'), fc.string(), (subject, kind, value) => {
        const isStopped = switchesAgainst([engaged({ kind, value })], subject).length > 0;
        expect(isStopped).toBe(subject[kind] === value && !subject.action.startsWith('keyturn.'));
      }),
    );
  });

  it('on an account stops every request behind which it stands, in whatever role', () => {
    fc.assert(
      fc.property(lineages, account, fc.constantFrom(...ROLES), (lineage, identity, role) => {
        const scope = { kind: 'agent' as const, value: accountName(identity) };
        const behind = subjectOf([...lineage, { ...identity, role }]);
        expect(switchesAgainst([engaged(scope)], behind)).toHaveLength(1);
      }),
    );
  });

  it('on an agent stops it by its id, also behind somebody else, and no namesake', () => {
    const scope = { kind: 'agent' as const, value: AGENT.id };
    const stops = (identity: Identity, role: LineageRole = 'requester') =>
      switchesAgainst(
        [engaged(scope)],
        subjectOf([{ issuer: identity.issuer, subject: identity.subject, role }]),
      ).length > 0;
    expect(stops(AGENT)).toBe(true);
    expect(stops(AGENT, 'on_behalf_of')).toBe(true);
    expect(stops({ ...AGENT, issuer: 'https://other.example' })).toBe(false);
    expect(stops({ issuer: ISSUER, subject: AGENT.id })).toBe(false);
  });

  it('on an agent holds when the directory gives its account another id', () => {
    const known = { issuer: AGENT.issuer, subject: AGENT.subject };
    const one = engaged({ kind: 'agent', value: AGENT.id }, { account: known });
    const renamed = subjectOf([{ ...known, role: 'requester' }], { agents: [{ ...AGENT, id: 'new-name' }] });
    expect(switchesAgainst([one], renamed)).toEqual([one]);
  });
});

describe('the account of an agent', () => {
  it('is found by id, spelled out, or not at all', () => {
    expect(accountOf([AGENT], AGENT.id)).toEqual({ issuer: ISSUER, subject: 'sub-billing' });
    expect(accountOf([AGENT], `${ISSUER} a b`)).toEqual({ issuer: ISSUER, subject: 'a b' });
    for (const name of ['agent-biling', '', ' ', ISSUER, `${ISSUER} `, 'agent billing'])
      expect(accountOf([AGENT], name)).toBeNull();
  });
});

describe('operators', () => {
  const directory = {
    people: [
      examplePerson('ada'),
      examplePerson('olga'),
      examplePerson('ines', { active: false }),
      examplePerson('omar'),
    ],
    agents: [],
    groups: [
      { id: 'operators', members: ['olga', 'ines'], groups: ['more'] },
      { id: 'more', members: ['omar', 'gone'], groups: [] },
    ],
  };

  it('are the active people of the selectors, nested groups included', () => {
    expect(operatorsOf(['group:operators'], directory)).toEqual(['olga', 'omar']);
    expect(operatorsOf(['user:ada', 'user:ines'], directory)).toEqual(['ada']);
  });

  it('are nobody when the policy names none', () => {
    for (const operators of [undefined, [], ['owners' as const]])
      expect(operatorsOf(operators, directory)).toEqual([]);
  });

  it('are no longer those who left', () => {
    expect(isOperator(['user:ines'], directory, 'ines')).toBe(false);
    expect(isOperator(['group:more'], directory, 'gone')).toBe(false);
  });
});

describe('the body that throws a switch', () => {
  it.each([
    [{ kind: 'all' }, true],
    [{ kind: 'all', value: null }, true],
    [{ kind: 'all', value: 'shop' }, false],
    [{ kind: 'target' }, false],
    [{ kind: 'target', value: null }, false],
    [{ kind: 'target', value: '' }, false],
    [{ kind: 'target', value: 'a\u0000b' }, false],
    [{ kind: 'target', value: 'shop' }, true],
    [{ kind: 'everything', value: null }, false],
    [{ kind: 'target', value: 'shop', also: 1 }, false],
  ])('takes %j: %s', (scope, isGood) => {
    expect(throwBodySchema.safeParse({ scope, reason: 'because' }).success).toBe(isGood);
  });

  it.each(['', '  ', 'a\u0000', '\uD800', 'x'.repeat(4001)])('refuses the reason %j', (reason) => {
    expect(throwBodySchema.safeParse({ scope: { kind: 'all' }, reason }).success).toBe(false);
  });
});
