import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { behind } from '../../../domain/identity/own-request.ts';
import {
  agentOf,
  isLineageActive,
  membersOf,
  personById,
  personOf,
  type Directory,
  type Person,
} from '../../../domain/identity/directory.ts';
import { identityKey, isSameIdentity, type LineageMember } from '../../../domain/identity/identity.ts';
import { DIRECTORY, examplePerson, ISSUER, sorted } from '../examples.ts';

const requester = (subject: string): LineageMember => ({ role: 'requester', issuer: ISSUER, subject });

describe('the directory', () => {
  it('finds a person by account only when issuer and subject both match', () => {
    expect(personOf(DIRECTORY, { issuer: ISSUER, subject: 'sub-olga' })?.id).toBe('olga');
    expect(personOf(DIRECTORY, { issuer: 'https://else.example', subject: 'sub-olga' })).toBeUndefined();
    expect(personOf(DIRECTORY, { issuer: ISSUER, subject: 'SUB-OLGA' })).toBeUndefined();
    expect(personOf(DIRECTORY, { issuer: `${ISSUER}/`, subject: 'sub-olga' })).toBeUndefined();
  });

  it('finds all accounts of a person as that one person', () => {
    const linked = examplePerson('olga', {
      accounts: [
        { issuer: ISSUER, subject: 'sub-olga' },
        { issuer: 'https://else.example', subject: '7' },
      ],
    });
    const directory = { ...DIRECTORY, people: [linked] };
    expect(personOf(directory, { issuer: 'https://else.example', subject: '7' })).toBe(linked);
    expect(personById(directory, 'olga')).toBe(linked);
  });

  it('knows agents by account, and takes none for a person', () => {
    const account = { issuer: ISSUER, subject: 'agent-billing' };
    expect(agentOf(DIRECTORY, account)?.owner).toBe('ada');
    expect(personOf(DIRECTORY, account)).toBeUndefined();
  });

  it('counts members of nested groups, each once', () => {
    expect(sorted(membersOf(DIRECTORY, 'data'))).toEqual(['dmitri', 'olga', 'petra']);
    expect(sorted(membersOf(DIRECTORY, 'dba'))).toEqual(['dmitri', 'olga']);
  });

  it('gives an unknown group no members', () => {
    expect(membersOf(DIRECTORY, 'nobody').size).toBe(0);
    expect(membersOf(DIRECTORY, 'constructor').size).toBe(0);
  });

  it('ends where groups nest in a circle, with the members of all of them', () => {
    const groups = [
      { id: 'a', members: ['olga'], groups: ['b'] },
      { id: 'b', members: ['omar'], groups: ['c', 'b'] },
      { id: 'c', members: ['petra'], groups: ['a'] },
    ];
    for (const group of groups) {
      expect(sorted(membersOf({ ...DIRECTORY, groups }, group.id))).toEqual(['olga', 'omar', 'petra']);
    }
  });

  it('never loses a member when a group is nested into another', () => {
    const names = ['a', 'b', 'c', 'd'];
    const anyGroups = fc.tuple(
      ...names.map((id) =>
        fc.record({
          id: fc.constant(id),
          members: fc.subarray(['olga', 'omar', 'petra']),
          groups: fc.subarray(names),
        }),
      ),
    );
    fc.assert(
      fc.property(anyGroups, (groups) => {
        const directory = { ...DIRECTORY, groups };
        for (const group of groups) {
          const members = membersOf(directory, group.id);
          for (const nested of [group.id, ...group.groups]) {
            expect([...membersOf(directory, nested)].every((member) => members.has(member))).toBe(true);
          }
        }
      }),
    );
  });
});

/** The person alone, by no account of theirs. */
function without(id: string): Person {
  return { ...examplePerson(id), accounts: [] };
}

describe('what counts as own', () => {
  it('holds the account of the agent and the person who owns it', () => {
    const isOwn = behind([requester('agent-billing')], [DIRECTORY]);
    expect(isOwn({ person: without('ada') })).toBe(true);
    expect(isOwn({ account: requester('agent-billing'), person: null })).toBe(true);
    expect(isOwn({ person: without('olga') })).toBe(false);
  });

  it.each(['owner', 'on_behalf_of', 'trigger', 'editor', 'key_maker'] as const)(
    'holds the person who is the %s',
    (role) => {
      const lineage = [requester('agent-unknown'), { role, issuer: ISSUER, subject: 'sub-olga' }];
      expect(behind(lineage, [DIRECTORY])({ person: without('olga') })).toBe(true);
    },
  );

  it('holds the owner of an agent that only triggered the request', () => {
    const trigger = { role: 'trigger', issuer: ISSUER, subject: 'agent-billing' } as const;
    const isOwn = behind([requester('sub-olga'), trigger], [DIRECTORY]);
    expect(isOwn({ person: without('ada') })).toBe(true);
  });

  it('never mistakes an account for a person, whatever it is called', () => {
    const isOwn = behind([{ role: 'requester', issuer: 'person', subject: 'olga' }], [DIRECTORY]);
    expect(isOwn({ person: examplePerson('olga') })).toBe(false);
  });
});

describe('an active lineage', () => {
  it('has only active members', () => {
    const asleep = { ...DIRECTORY, people: [examplePerson('olga', { active: false }), examplePerson('ada')] };
    const onBehalf = { role: 'on_behalf_of', issuer: ISSUER, subject: 'sub-olga' } as const;
    expect(isLineageActive(DIRECTORY, [requester('agent-billing'), onBehalf])).toBe(true);
    expect(isLineageActive(asleep, [requester('agent-billing'), onBehalf])).toBe(false);
    expect(isLineageActive(asleep, [requester('agent-billing')])).toBe(true);
  });

  it('has lost nobody whom the directory knew when the request was made', () => {
    const onBehalf = { role: 'on_behalf_of', issuer: ISSUER, subject: 'sub-olga' } as const;
    const lineage = [requester('agent-billing'), onBehalf];
    const without = (id: string): Directory => ({
      ...DIRECTORY,
      people: DIRECTORY.people.filter((person) => person.id !== id),
    });
    expect(isLineageActive(without('olga'), lineage, DIRECTORY)).toBe(false);
    expect(isLineageActive(without('dmitri'), lineage, DIRECTORY)).toBe(true);
    // Whom it never knew it cannot lose.
    expect(isLineageActive(without('olga'), lineage)).toBe(true);
    // Nobody answers for the agent any more.
    expect(isLineageActive(without('ada'), lineage)).toBe(false);
    const trigger = { role: 'trigger', issuer: ISSUER, subject: 'agent-billing' } as const;
    const asked = [requester('sub-olga'), trigger];
    expect(isLineageActive({ ...DIRECTORY, agents: [] }, asked, DIRECTORY)).toBe(false);
  });

  it('starts with a requester that the directory knows', () => {
    expect(isLineageActive(DIRECTORY, [requester('stranger')])).toBe(false);
    const agents = DIRECTORY.agents.map((agent) => ({ ...agent, active: false }));
    expect(isLineageActive({ ...DIRECTORY, agents }, [requester('agent-billing')])).toBe(false);
  });
});

describe('identity keys', () => {
  it('are equal exactly for the same issuer and subject, wherever their text is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ':', '1'), minLength: 1, maxLength: 6 });
    const cut = fc.nat({ max: 6 });
    fc.assert(
      fc.property(text, cut, cut, (whole, one, other) => {
        const left = { issuer: whole.slice(0, one), subject: whole.slice(one) };
        const right = { issuer: whole.slice(0, other), subject: whole.slice(other) };
        expect(identityKey(left) === identityKey(right)).toBe(isSameIdentity(left, right));
      }),
      { numRuns: 500 },
    );
  });
});
