import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Directory } from '../../../domain/identity/directory.ts';
import type { Lineage, LineageRole } from '../../../domain/identity/identity.ts';
import { by, outcome, REQUEST } from './decisions.ts';
import { reviewBy, DIRECTORY, examplePerson, ISSUER, minutes, requirement, stage } from '../examples.ts';

const ELSEWHERE = 'https://else.example';

/** Everybody may decide, so that only the lineage stands in the way. */
const OPEN = requirement([
  reviewBy([
    stage(['group:data', 'owners', 'user:ada', 'user:olga', 'user:dmitri', 'user:omar', 'user:petra']),
  ]),
]);

const account = (subject: string, role: LineageRole, issuer = ISSUER): Lineage[number] => ({
  role,
  issuer,
  subject,
});

function decides(person: string, lineage: Lineage, directory: Directory = DIRECTORY): string {
  return outcome({ request: { requirement: OPEN, lineage }, attempt: by(person), now: directory });
}

const AGENT = account('agent-billing', 'requester');

describe('nobody approves their own request', () => {
  it('as the owner of the agent that asks', () => {
    expect(decides('ada', [AGENT])).toBe('self_approval');
    expect(decides('olga', [AGENT])).toBe('ok');
  });

  it('as the person who asks', () => {
    expect(decides('olga', [account('sub-olga', 'requester')])).toBe('self_approval');
  });

  it.each(['owner', 'on_behalf_of', 'trigger', 'editor', 'key_maker'] as const)('as the %s', (role) => {
    expect(decides('olga', [AGENT, account('sub-olga', role)])).toBe('self_approval');
    expect(decides('dmitri', [AGENT, account('sub-olga', role)])).toBe('ok');
  });

  it('as the owner of an agent anywhere in the lineage', () => {
    const lineage = [account('sub-olga', 'requester'), account('agent-billing', 'trigger')];
    expect(decides('ada', lineage)).toBe('self_approval');
  });

  it('by another account of the same person', () => {
    const people = [
      examplePerson('olga', {
        accounts: [
          { issuer: ISSUER, subject: 'sub-olga' },
          { issuer: ELSEWHERE, subject: '7' },
        ],
      }),
      examplePerson('dmitri'),
    ];
    const linked = { ...DIRECTORY, people };
    expect(decides('olga', [AGENT, account('7', 'on_behalf_of', ELSEWHERE)], linked)).toBe('self_approval');
    expect(decides('dmitri', [AGENT, account('7', 'on_behalf_of', ELSEWHERE)], linked)).toBe('ok');
  });

  it('by an account that the directory gives to somebody else as well', () => {
    const shared = { issuer: ELSEWHERE, subject: 'shared' };
    const people = [
      examplePerson('petra', { accounts: [shared] }),
      examplePerson('olga', { accounts: [{ issuer: ISSUER, subject: 'sub-olga' }, shared] }),
    ];
    const directory = { ...DIRECTORY, people };
    expect(decides('olga', [AGENT, account('shared', 'trigger', ELSEWHERE)], directory)).toBe(
      'self_approval',
    );
  });

  it('by having had an account unlinked since the request was made', () => {
    const linked = {
      ...DIRECTORY,
      people: [
        examplePerson('olga', {
          accounts: [
            { issuer: ISSUER, subject: 'sub-olga' },
            { issuer: ELSEWHERE, subject: '7' },
          ],
        }),
      ],
    };
    const request = { requirement: OPEN, lineage: [AGENT, account('7', 'on_behalf_of', ELSEWHERE)] };
    expect(outcome({ request, now: DIRECTORY, atCreation: linked })).toBe('self_approval');
    expect(outcome({ request, now: linked, atCreation: DIRECTORY })).toBe('self_approval');
    expect(outcome({ request, now: DIRECTORY, atCreation: DIRECTORY })).toBe('ok');
  });

  it('by having given an account to somebody else since the request was made', () => {
    const second = { issuer: ELSEWHERE, subject: '7' };
    const accounts = [{ issuer: ISSUER, subject: 'sub-olga' }, second];
    const atCreation = {
      ...DIRECTORY,
      people: [examplePerson('olga', { accounts }), examplePerson('dmitri')],
    };
    const now = {
      ...DIRECTORY,
      people: [
        examplePerson('olga'),
        examplePerson('dmitri', { accounts: [{ issuer: ISSUER, subject: 'sub-dmitri' }, second] }),
      ],
    };
    const request = { requirement: OPEN, lineage: [AGENT, account('sub-olga', 'on_behalf_of')] };
    expect(outcome({ request, attempt: { reviewer: second }, now, atCreation })).toBe('self_approval');
    expect(outcome({ request, attempt: { reviewer: second }, now })).toBe('ok');
  });

  it('by having handed the agent to somebody else since the request was made', () => {
    const agents = DIRECTORY.agents.map((agent) => ({ ...agent, owner: 'omar' }));
    const handedOver = { ...DIRECTORY, agents };
    const request = { requirement: OPEN, lineage: [AGENT] };
    for (const person of ['ada', 'omar']) {
      const attempt = by(person);
      expect(outcome({ request, attempt, now: handedOver, atCreation: DIRECTORY })).toBe('self_approval');
    }
  });

  it('by removing the agent from the directory', () => {
    const request = { requirement: OPEN, lineage: [AGENT] };
    const without = { ...DIRECTORY, agents: [] };
    expect(outcome({ request, attempt: by('ada'), now: without, atCreation: DIRECTORY })).toBe(
      'self_approval',
    );
  });

  it('and a denial of it is a withdrawal, which is answered before anything else about the request', () => {
    const lineage = [account('sub-olga', 'requester')];
    const request = { ...REQUEST, requirement: OPEN, lineage };
    expect(outcome({ request, attempt: { verdict: 'deny' } })).toBe('use_withdraw');
    expect(outcome({ request, attempt: { verdict: 'defer' } })).toBe('self_approval');
    expect(outcome({ request: { ...request, status: 'denied' } })).toBe('self_approval');
  });

  it('but a namesake at another issuer is somebody else', () => {
    expect(decides('olga', [AGENT, account('sub-olga', 'on_behalf_of', ELSEWHERE)])).toBe('ok');
    expect(decides('olga', [AGENT, account('SUB-OLGA', 'on_behalf_of')])).toBe('ok');
  });

  it('whatever the lineage looks like', () => {
    const role = fc.constantFrom<LineageRole[]>('owner', 'on_behalf_of', 'trigger', 'editor', 'key_maker');
    const subject = fc.constantFrom('sub-ada', 'sub-olga', 'sub-omar', 'agent-billing', 'stranger');
    const member = fc.record({ role, subject, issuer: fc.constantFrom(ISSUER, ELSEWHERE) });
    const people = ['ada', 'olga', 'dmitri', 'omar', 'petra'];
    fc.assert(
      fc.property(fc.array(member, { maxLength: 4 }), fc.constantFrom(...people), (others, person) => {
        const lineage = [AGENT, ...others];
        const isOwn =
          person === 'ada' || others.some((one) => one.issuer === ISSUER && one.subject === `sub-${person}`);
        expect(decides(person, lineage)).toBe(isOwn ? 'self_approval' : 'ok');
      }),
      { numRuns: 300 },
    );
  });
});

/** Account 7 is another person's, or nobody's, when the request is made, and the reviewer's now. */
describe('nobody decides by an account that was not theirs when the request was made', () => {
  const seventh = { issuer: ELSEWHERE, subject: '7' };
  const given = (person: string, others = DIRECTORY): Directory => ({
    ...others,
    people: others.people.map((one) =>
      one.id === person
        ? { ...one, accounts: [...one.accounts, seventh] }
        : { ...one, accounts: one.accounts.filter(({ issuer }) => issuer !== ELSEWHERE) },
    ),
  });
  const without = (person: string): Directory => ({
    ...DIRECTORY,
    people: DIRECTORY.people.filter(({ id }) => id !== person),
  });
  const moved: Directory = {
    ...DIRECTORY,
    people: DIRECTORY.people.map((one) => (one.id === 'olga' ? { ...one, accounts: [seventh] } : one)),
  };
  const request = { requirement: OPEN, lineage: [AGENT] };

  it.each([
    { what: 'an account that was added', now: given('olga'), atCreation: DIRECTORY },
    { what: 'an account that replaced the old one', now: moved, atCreation: DIRECTORY },
    { what: 'an account taken from another reviewer', now: given('olga'), atCreation: given('dmitri') },
    { what: 'an account of somebody who is new', now: given('olga'), atCreation: without('olga') },
  ])('$what', ({ now, atCreation }) => {
    for (const verdict of ['approve', 'deny', 'defer'] as const) {
      const attempt = { reviewer: seventh, verdict, defer: { until: minutes(60), to: null } };
      expect(outcome({ request, attempt, now, atCreation })).toBe('reviewer_unknown');
    }
  });

  it('and may by the one that was, whatever else they were given', () => {
    expect(outcome({ request, attempt: by('olga'), now: given('olga'), atCreation: DIRECTORY })).toBe('ok');
    expect(outcome({ request, attempt: { reviewer: seventh }, now: given('olga') })).toBe('ok');
  });
});
