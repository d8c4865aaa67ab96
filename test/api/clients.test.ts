import { describe, expect, it } from 'vitest';

import { callerOf, isReviewer, reviewerOf, type CallerSnapshot } from '../../apps/api/auth/caller.ts';
import type { Issuer } from '../../configuration/issuers.ts';
import { principalOf } from '../../apps/api/auth/principal.ts';
import { lineageOf } from '../../apps/api/submission/lineage.ts';
import { budgetRoot } from '../../domain/execution/budgets.ts';
import { lineageRoot, type Agent, type Directory } from '../../domain/identity/directory.ts';
import { requestFacts } from '../../domain/policy/request-facts.ts';

const ISSUER = 'https://id.example';

const AT_ISSUER = {
  issuer: ISSUER,
  human: { clients: ['web', 'bot-web'], scope: 'decide' },
} as unknown as Issuer;

/** Alice uses the agent of Bob, which its issuer knows as a subject and as a client. */
function snapshot(names: Pick<Agent, 'subject' | 'client'>): CallerSnapshot {
  const { subject } = names;
  const agent = {
    id: 'bot',
    name: 'bot',
    active: true,
    issuer: ISSUER,
    owner: 'bob',
    acts_for_people: false,
  };
  const directory: Directory = {
    people: ['alice', 'bob'].map((id) => ({
      id,
      name: id,
      active: true,
      accounts: [{ issuer: ISSUER, subject: id }],
    })),
    agents: [{ ...agent, subject }],
    groups: [],
  };
  const policy = { policy: { directory: { ...directory, agents: [{ ...agent, ...names }] } } };
  return { directory, policy, directoryGeneration: '1' } as unknown as CallerSnapshot;
}

function lineage(names: Pick<Agent, 'subject' | 'client'>, claims: object) {
  const principal = principalOf({ iss: ISSUER, sub: 'alice', exp: 9e9, ...claims }, AT_ISSUER);
  if (!principal) throw new Error('the token was not read');
  return lineageOf(callerOf(principal, snapshot(names)), {});
}

describe('an agent is behind what people ask with a token that it got', () => {
  it.each<[string, Pick<Agent, 'subject' | 'client'>, object]>([
    ['its subject, in azp', { subject: 'bot' }, { azp: 'bot' }],
    ['its subject, in client_id', { subject: 'bot' }, { client_id: 'bot' }],
    ['the client of its account at Auth0', { subject: 'bot@clients' }, { azp: 'bot' }],
    ['its account at Auth0', { subject: 'bot' }, { azp: 'bot@clients' }],
    ['its client at Okta', { subject: 'bot' }, { cid: 'bot' }],
    ['its client at Entra', { subject: 'object-id', client: 'application-id' }, { appid: 'application-id' }],
    ['its client at Keycloak', { subject: 'uuid', client: 'bot' }, { azp: 'bot' }],
    [
      'its client beside that of people',
      { subject: 'uuid', client: 'bot' },
      { client_id: 'web', azp: 'bot' },
    ],
    ['its subject though it has a client', { subject: 'uuid', client: 'bot' }, { azp: 'uuid' }],
    [
      'its client as an actor',
      { subject: 'uuid', client: 'bot' },
      { azp: 'web', act: { sub: 'alice', act: { sub: 'bot' } } },
    ],
  ])('and names by %s', (_how, names, claims) => {
    const members = lineage(names, claims);
    const accounts = members.map(({ role, subject }) => `${role} ${subject}`);
    expect(accounts).toContain(`trigger ${names.subject}`);
    expect(accounts).toContain('owner bob');
    const { directory } = snapshot(names);
    const alone = [{ role: 'requester' as const, issuer: ISSUER, subject: 'bob' }];
    expect(budgetRoot(directory, members).id).toBe(budgetRoot(directory, alone).id);
    expect(lineageRoot(directory, members)).toBe('person:bob');
  });

  it.each([
    ['a client that nobody knows', { azp: 'unknown' }],
    ['the client of people', { azp: 'web' }],
    ['a claim of another form', { azp: 'web', cid: 7, appid: ['bot'] }],
  ])('and not when the token names %s', (_what, claims) => {
    expect(lineage({ subject: 'uuid', client: 'bot' }, claims)).toEqual([
      { role: 'requester', issuer: ISSUER, subject: 'alice' },
    ]);
  });
});

describe('what an issuer says of accounts of another issuer', () => {
  const OTHER = 'https://other.example';
  const claims = { iss: OTHER, exp: 9e9 };
  const AT_OTHER = { ...AT_ISSUER, issuer: OTHER } as Issuer;
  const mallory = {
    id: 'mallory',
    name: 'mallory',
    active: true,
    accounts: [{ issuer: OTHER, subject: 'm' }],
  };

  it.each([
    {
      what: 'an agent by its account',
      names: { subject: 'bot' },
      by: 'bot',
      behind: ['trigger bot', 'owner bob'],
    },
    {
      what: 'an agent by its client',
      names: { subject: 'uuid', client: 'bot' },
      by: 'bot',
      behind: ['trigger uuid', 'owner bob'],
    },
    { what: 'a person', names: { subject: 'uuid' }, by: 'bob', behind: ['trigger bob'] },
  ])('keeps $what from agreeing, and opens and costs them nothing', ({ names, by, behind }) => {
    const { directory, ...others } = snapshot(names);
    const people = { ...directory, people: [...directory.people, mallory] };
    const act = { sub: 'm', act: { iss: ISSUER, sub: by } };
    const principal = principalOf({ ...claims, sub: 'm', act }, AT_OTHER);
    if (!principal) throw new Error('the token was not read');
    const members = lineageOf(callerOf(principal, { directory: people, ...others }), {});
    const declared = members.filter((member) => member.is_declared);
    expect(declared.map((member) => `${member.role} ${member.subject}`)).toEqual(
      expect.arrayContaining(behind),
    );
    const facts = requestFacts(people, { mode: 'gate', lineage: members, break_glass: false });
    expect(facts).toMatchObject({ agent: '', owner: '', chain: ['mallory'] });
    expect(facts.with_declared?.chain).toEqual(['bob', 'mallory']);
    expect(lineageRoot(people, members)).toBe('person:mallory');
  });
});

describe('a token of a person that the client of an agent got', () => {
  it.each([
    ['its client', { subject: 'uuid', client: 'bot-web' }, { azp: 'bot-web' }],
    ['its subject', { subject: 'bot-web' }, { azp: 'bot-web' }],
    ['another name of the client', { subject: 'uuid', client: 'bot' }, { azp: 'web', cid: 'bot' }],
  ])('decides nothing and reads no more than its own, known by %s', (_how, names, claims) => {
    const person = { iss: ISSUER, sub: 'alice', exp: 9e9, scope: 'decide' };
    const principal = principalOf({ ...person, ...claims }, AT_ISSUER);
    if (!principal) throw new Error('the token was not read');
    expect(principal.isHuman).toBe(true);
    const caller = callerOf(principal, snapshot(names));
    expect(() => reviewerOf(caller)).toThrow(expect.objectContaining({ code: 'machine_cannot_decide' }));
    expect(isReviewer(caller)).toBe(false);
    const other = callerOf(principal, snapshot({ subject: 'another' }));
    expect([reviewerOf(other).id, isReviewer(other)]).toEqual(['alice', true]);
  });
});
