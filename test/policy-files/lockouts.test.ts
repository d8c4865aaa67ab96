import { describe, expect, it } from 'vitest';

import { operatorsDropped } from '../../domain/policy-diff/diff.ts';
import { formatWarning } from '../../policy-files/compile.ts';
import { operatorLockout } from '../../policy-authoring/lockout.ts';
import { findingsOf, load, policyOf, VALID, type Files } from './policy-folder.ts';

const ISSUER = 'http://127.0.0.1:7082';

async function warningsOf(changes: Files): Promise<readonly string[]> {
  const result = await load(changes);
  return result.ok ? result.warnings.map(formatWarning) : ['does not load'];
}

function settings(...lines: readonly string[]): Files {
  return { 'keyturn.yaml': `${VALID['keyturn.yaml']}${lines.join('\n')}\n` };
}

function directory(groups: string): Files {
  return { 'directory.yaml': directoryText(groups) };
}

function directoryText(groups: string): string {
  return `issuers: { demo: '${ISSUER}' }
people:
  - { id: ada, accounts: [{ issuer: demo, subject: ada }] }
  - { id: olga, accounts: [{ issuer: demo, subject: olga }] }
  - { id: omar, accounts: [{ issuer: demo, subject: omar }] }
agents:
  - { id: billing, issuer: demo, subject: agent-billing, owner: ada }
groups: ${groups}
`;
}

const ONLY = (person: string): string => `reviewers: { when: 'reviewer.id == "${person}"', because: x }`;

describe('a request that too few people may decide', () => {
  const SHORT =
    "keyturn.yaml:1:1 warning people_short: a request of critical risk needs 2 different people, and only 'olga' may decide (postgres.execute on 'shop')";

  it('is warned of where the risk that it can reach asks for more', async () => {
    expect(await warningsOf({})).toEqual([SHORT]);
  });

  it('is not warned of where a rule may bring another, or no line of risk can reach the tier', async () => {
    const rule = `- { id: more, on: { action: [postgres.execute] }, when: plan.rows > 100, effect: review, require: { stages: [{ any: [user:ada], quorum: 1 }] } }`;
    expect(await warningsOf({ 'rules/more.yaml': rule })).not.toContainEqual(
      expect.stringContaining('people_short'),
    );
    const low = 'risk: { lines: [{ weight: 9, because: x, when: resource.env == "staging" }] }';
    expect(await warningsOf(settings(low))).toEqual([]);
    expect(await warningsOf(settings('risk: { demands: {} }'))).toEqual([]);
  });

  it('is not warned of where others than the file say who may', async () => {
    expect(await warningsOf(directory('[{ id: dba, authority: scim:okta }]'))).toEqual([]);
    const files = {
      ...directory('[{ id: dba, members: [olga] }, { id: staff, authority: scim:okta }]'),
      ...settings(`reviewers: { when: '"staff" in reviewer.groups', because: Staff decides }`),
    };
    expect(await warningsOf(files)).toEqual([]);
    expect(findingsOf(files).problems).toEqual([]);
  });

  it('is warned of when it is a publication, and one of two operators asks for it', async () => {
    const two = {
      ...directory('[{ id: dba, members: [olga, omar] }]'),
      ...settings('operators: [group:dba]'),
    };
    expect(await warningsOf(two)).toEqual([
      "keyturn.yaml:9:12 warning own_team_only: 2 different people agree to a policy that loosens, and only 'olga' and 'omar' may: when one of them requests it, nobody can approve it",
    ]);
    const three = { ...two, ...settings('operators: [group:dba, user:ada]') };
    expect(await warningsOf(three)).toEqual([]);
  });
});

describe('a policy of which a request could never be approved', () => {
  const RULE = `- id: three
  on: { action: [postgres.execute] }
  effect: review
  require: { stages: [{ any: [group:everyone], quorum: 3 }] }
`;

  it('loads with a warning, and is not published', async () => {
    const changes = { 'rules/z.yaml': RULE };
    expect(await warningsOf(changes)).toContainEqual(
      expect.stringContaining('seats_unfilled: needs 3 people, but group:everyone has 2 people now'),
    );
    expect(findingsOf(changes).problems).toEqual([
      'rules/z.yaml:1 three: nobody could approve such a request: needs 3 people, but group:everyone has 2 people now',
    ]);
  });

  it('is published where waiting helps', async () => {
    const escalating = RULE.replace(
      'quorum: 3',
      'quorum: 2, escalate: [{ after: 1h, to: group:everyone }]',
    ).replace('any: [group:everyone]', 'any: [group:dba]');
    expect(findingsOf({ 'rules/z.yaml': escalating }).problems).toEqual([]);
  });

  it('is published where it asks for the signature of a passkey, which everybody can have', () => {
    const strong = RULE.replace('quorum: 3 }]', 'quorum: 1 }], minimum_grade: A');
    expect(findingsOf({ 'rules/z.yaml': strong }).problems).toEqual([]);
  });

  it('is not published either when what all reviewers must meet leaves nobody', async () => {
    const nobody = settings(`reviewers: { when: 'reviewer.id == "ada"', because: x }`);
    expect(findingsOf(nobody).problems).toContainEqual(
      expect.stringContaining('nobody could approve such a request'),
    );
  });
});

describe('a policy on which no policy that loosens could follow', () => {
  const PEOPLE = directory('[{ id: dba, members: [olga] }, { id: everyone, members: [ada, olga, omar] }]');
  const OPERATED = { ...PEOPLE, ...settings('operators: [user:ada, user:omar]') };

  it.each([
    [
      'all reviewers must be another person',
      { ...PEOPLE, ...settings('operators: [user:ada, user:omar]', ONLY('olga')) },
      'nobody may',
    ],
    [
      'one operator is left by what all reviewers must meet',
      { ...PEOPLE, ...settings('operators: [group:everyone]', ONLY('olga')) },
      "only 'olga' may",
    ],
    [
      'a rule always asks one person in place of the operators',
      {
        ...OPERATED,
        'rules/p.yaml':
          '- { id: p, on: { action: [keyturn.policy.publish] }, effect: review, replaces_default: true, require: { stages: [{ any: [user:olga], quorum: 1 }] } }',
      },
      "only 'olga' may",
    ],
  ])('loads with a warning and is not published where %s', async (_what, files, who) => {
    expect(await warningsOf(files)).toContainEqual(expect.stringContaining(`people_short: 2 different`));
    expect(findingsOf(files).problems).toEqual([
      `keyturn.yaml operators: 2 different people agree to a policy that loosens, and ${who}: no such policy could ever replace this one`,
    ]);
  });

  const forbidding = (rest: string): Files => ({
    ...PEOPLE,
    ...settings('operators: [group:everyone]'),
    'rules/p.yaml': `- { id: p, on: { action: [keyturn.policy.publish] }, effect: forbid${rest} }`,
  });

  it.each([
    ['without a condition', ''],
    ['with a condition that is always true', ', when: plan.rows >= 0'],
    ['with a condition that Keyturn itself always meets', `, when: 'resource.id == "keyturn"'`],
    ['in which nothing opens the break-glass path', ', yields_to_break_glass: true'],
  ])('loads with a warning and is not published where a rule forbids it, %s', async (_what, rest) => {
    const message = 'forbids every publication: no policy could ever replace this one';
    expect(await warningsOf(forbidding(rest))).toContain(
      `rules/p.yaml:1:62 warning publication_forbidden: ${message}`,
    );
    expect(findingsOf(forbidding(rest)).problems).toEqual([`rules/p.yaml:1 p: ${message}`]);
  });

  it.each([
    ['[user:olga]', 1],
    ['[group:everyone]', 0],
  ])('is one that break-glass requests alone pass, where their rule asks %s', async (people, problems) => {
    const opening = `- { id: q, on: { action: [keyturn.policy.publish] }, effect: review, break_glass: true, require: { stages: [{ any: ${people}, quorum: 1 }] } }`;
    const files = { ...forbidding(', yields_to_break_glass: true'), 'rules/q.yaml': opening };
    expect(findingsOf(files).problems).toHaveLength(problems);
  });

  it('is distinguished from one whose rule forbids it only at times', async () => {
    const files = forbidding(', when: plan.rows > 9');
    expect(findingsOf(files).problems).toEqual([]);
  });

  it('is distinguished from one whose rule asks one person only at times', async () => {
    const rule =
      '- { id: p, on: { action: [keyturn.policy.publish] }, when: plan.rows > 9, effect: review, replaces_default: true, require: { stages: [{ any: [user:olga], quorum: 1 }] } }';
    expect(findingsOf({ ...OPERATED, 'rules/p.yaml': rule }).problems).toEqual([]);
  });

  it('is one without operators after one with some', async () => {
    const [some, none] = [await policyOf(OPERATED), await policyOf({})];
    expect(operatorsDropped(some, none)).toContain('names no operators');
    expect([operatorsDropped(none, none), operatorsDropped(none, some)]).toEqual([null, null]);
  });
});

describe('the operators of a policy', () => {
  const OPERATORS = settings('operators: [user:ada, user:olga]');

  it('can sign in where people do, or the policy locks them out', async () => {
    const policy = await policyOf(OPERATORS);
    expect(operatorLockout(policy, [ISSUER, 'https://other'])).toBeNull();
    const lockout = operatorLockout(policy, ['http://127.0.0.1:9999']);
    expect(lockout).toContain(
      `their accounts are at '${ISSUER}', and people sign in at 'http://127.0.0.1:9999'`,
    );
    expect(lockout).toContain('0 of its operators');
  });

  it('are counted one by one', async () => {
    const elsewhere = VALID['directory.yaml'].replace(
      'accounts: [{ issuer: demo, subject: ada }]',
      'accounts: [{ issuer: "https://other", subject: ada }]',
    );
    const policy = await policyOf({ ...OPERATORS, 'directory.yaml': elsewhere });
    expect(operatorLockout(policy, [ISSUER])).toContain('1 of its operators');
    expect(operatorLockout(policy, [ISSUER, 'https://other'])).toBeNull();
  });

  it('are too few where those who may agree to a publication are others than those who could sign in', async () => {
    const members = '[{ id: dba, members: [olga] }, { id: everyone, members: [ada, olga, omar] }]';
    const olga = 'issuer: demo, subject: olga';
    const files = {
      'directory.yaml': directoryText(members).replace(olga, olga.replace('demo', '"https://other"')),
      ...settings('operators: [group:everyone]', `reviewers: { when: 'reviewer.id != "omar"', because: x }`),
    };
    const policy = await policyOf(files);
    expect(findingsOf(files).problems).toEqual([]);
    expect(operatorLockout(policy, [ISSUER])).toMatch(/^1 of the people who may agree to a publication/);
    expect(operatorLockout(policy, [ISSUER, 'https://other'])).toBeNull();
  });

  it('are not checked where provisioning says who they are, or the policy names none', async () => {
    const policy = await policyOf(OPERATORS);
    const groups = [{ id: 'ops', authority: 'scim:okta', members: [], groups: [] }];
    const provisioned = {
      ...policy,
      operators: ['group:ops' as const],
      directory: { ...policy.directory, groups },
    };
    expect(operatorLockout(provisioned, ['https://other'])).toBeNull();
    expect(operatorLockout(await policyOf({}), ['https://other'])).toBeNull();
  });
});
