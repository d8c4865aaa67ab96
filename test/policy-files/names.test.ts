import { describe, expect, it } from 'vitest';

import { parseDurationMs } from '../../policy-files/durations.ts';
import { policyOf, problemsOf, VALID, withLine, type Files, type Mistake } from './policy-folder.ts';

const target = (line: number, text: string): Files => withLine('targets/shop.yaml', line, text);
const action = (line: number, text: string): Files => withLine('actions/sql.yaml', line, text);
const people = (line: number, text: string): Files => withLine('directory.yaml', line, text);

const REFERENCE = 'write env:KEYTURN_TARGET_… or file:/…, secrets stay out of policy files';

const CATALOGUE: readonly Mistake[] = [
  [
    'two actions of one name',
    { 'actions/z.yaml': VALID['actions/sql.yaml'] },
    "actions/z.yaml:1:9 duplicate action 'postgres.execute' (first at actions/sql.yaml:1)",
  ],
  [
    'an unknown connector',
    action(4, 'connector: postgres.exec'),
    "actions/sql.yaml:4:12 unknown connector 'postgres.exec'",
  ],
  [
    'a misspelt connector',
    action(4, 'connector: postgres.excute'),
    "actions/sql.yaml:4:12 unknown connector 'postgres.excute', did you mean 'postgres.execute'?",
  ],
  [
    'a schema version of 0',
    action(2, 'schema_version: 0'),
    'actions/sql.yaml:2:17 0 is not a whole number from 1 to 1000000',
  ],
  [
    'a fallback that allows',
    action(3, 'title: Run SQL\nfallback: allow'),
    "actions/sql.yaml:4:11 'allow' is not one of review, forbid",
  ],
  [
    'arguments that are not an object',
    action(7, '  type: array'),
    'actions/sql.yaml:7:3 the schema of arguments must have type: object',
  ],
  [
    'two targets of one id',
    { 'targets/z.yaml': VALID['targets/shop.yaml'] },
    "targets/z.yaml:1:5 duplicate target 'shop' (first at targets/shop.yaml:1)",
  ],
  [
    'a resource type that no action acts on',
    target(3, 'resource_type: postgres.databse'),
    "targets/shop.yaml:3:16 unknown resource type 'postgres.databse', did you mean 'postgres.database'?",
  ],
  [
    'an unknown environment',
    target(4, 'environment: prd'),
    "targets/shop.yaml:4:14 unknown environment 'prd', did you mean 'prod'?",
  ],
  ['no owners', target(5, 'owners: []'), 'targets/shop.yaml:5:9 an empty list'],
  [
    'an unknown owner',
    target(5, 'owners: [group:dbs]'),
    "targets/shop.yaml:5:10 unknown group 'dbs', did you mean 'dba'?",
  ],
  [
    'an unknown person as owner',
    target(5, 'owners: [user:bob]'),
    "targets/shop.yaml:5:10 unknown person 'bob'",
  ],
  [
    'owners that are the owners',
    target(5, 'owners: [owners]'),
    "targets/shop.yaml:5:10 'owners' cannot be used here: name a group:, user: or oncall:",
  ],
  ['a connection without url', target(7, '  observer_role: o'), "targets/shop.yaml:7:3 missing 'url'"],
  [
    'a url written out',
    target(7, '  url: postgres://shop:hunter2@db/shop'),
    `targets/shop.yaml:7:8 must be a reference: ${REFERENCE}`,
  ],
  [
    'a url without a secret',
    target(7, '  url: postgres://db/shop'),
    `targets/shop.yaml:7:8 must be a reference: ${REFERENCE}`,
  ],
  [
    'a reference to no variable',
    target(7, '  url: env:shop url'),
    `targets/shop.yaml:7:8 must be a reference: ${REFERENCE}`,
  ],
  [
    'a password under its own key',
    target(8, '  admin_password: hunter2'),
    `targets/shop.yaml:8:19 must be a reference: ${REFERENCE}`,
  ],
  [
    'a token inside a list',
    target(8, '  tokens: [{ api_token: hunter2 }]'),
    `targets/shop.yaml:8:25 must be a reference: ${REFERENCE}`,
  ],
  [
    'credentials under an innocent key',
    target(8, '  mirror: "postgres://shop:hunter2@db/shop"'),
    `targets/shop.yaml:8:11 looks like a secret: ${REFERENCE}`,
  ],
  [
    'a private key under an innocent key',
    target(8, '  identity: "-----BEGIN PRIVATE KEY-----"'),
    `targets/shop.yaml:8:13 looks like a secret: ${REFERENCE}`,
  ],
];

const DIRECTORY: readonly Mistake[] = [
  [
    'two people of one id',
    {
      'directory.yaml': VALID['directory.yaml'].replace(
        'agents:',
        '  - { id: olga, accounts: [{ issuer: demo, subject: o }] }\nagents:',
      ),
    },
    "directory.yaml:6:11 duplicate person 'olga' (first at directory.yaml:5)",
  ],
  [
    'an account of two people',
    people(5, '  - { id: olga, accounts: [{ issuer: demo, subject: ada }] }'),
    "directory.yaml:5:53 duplicate account 'ada' (first at directory.yaml:4)",
  ],
  [
    'an account of two people, once by alias and once by URL',
    people(5, '  - { id: olga, accounts: [{ issuer: "http://127.0.0.1:7082", subject: ada }] }'),
    "directory.yaml:5:72 duplicate account 'ada' (first at directory.yaml:4)",
  ],
  [
    'an account of a person and an agent',
    people(7, '  - { id: billing, issuer: demo, subject: olga, owner: ada }'),
    "directory.yaml:7:43 duplicate account 'olga' (first at directory.yaml:5)",
  ],
  [
    'a person without accounts',
    people(5, '  - { id: olga, accounts: [] }'),
    'directory.yaml:5:27 an empty list',
  ],
  [
    'an unknown owner of an agent',
    people(7, '  - { id: billing, issuer: demo, subject: agent-billing, owner: adda }'),
    "directory.yaml:7:65 unknown person 'adda', did you mean 'ada'?",
  ],
  [
    'an agent without owner',
    people(7, '  - { id: billing, issuer: demo, subject: agent-billing }'),
    "directory.yaml:7:5 missing 'owner'",
  ],
  [
    'an unknown member',
    people(9, '  - { id: dba, members: [olga, bob] }'),
    "directory.yaml:9:32 unknown person 'bob'",
  ],
  [
    'an unknown nested group',
    people(10, '  - { id: everyone, groups: [dbas] }'),
    "directory.yaml:10:30 unknown group 'dbas', did you mean 'dba'?",
  ],
  [
    'two groups of one id',
    people(10, '  - { id: dba, members: [ada] }'),
    "directory.yaml:10:11 duplicate group 'dba' (first at directory.yaml:9)",
  ],
  [
    'groups in a circle',
    people(9, '  - { id: dba, members: [olga], groups: [everyone] }'),
    'directory.yaml:10:46 group cycle: dba → everyone → dba',
  ],
  [
    'a group of an authority that cannot be named',
    people(9, '  - { id: dba, authority: okta }'),
    'directory.yaml:9:27 not an authority: scim:NAME or claims:ISSUER',
  ],
  [
    'members of a group that another authority fills',
    people(9, '  - { id: dba, authority: scim:okta, members: [olga] }'),
    'directory.yaml:9:47 members: its authority says who is in the group',
  ],
  [
    'members of a group that is seen in claims',
    people(9, '  - { id: dba, authority: claims:demo, members: [olga] }'),
    'directory.yaml:9:49 members: its authority says who is in the group',
  ],
  [
    'groups in a group that is seen in claims',
    people(9, '  - { id: dba, authority: claims:demo, groups: [] }'),
    'directory.yaml:9:48 groups: its authority says who is in the group',
  ],
  [
    'a group seen in claims of an unknown issuer',
    people(9, '  - { id: dba, authority: claims:deom }'),
    "directory.yaml:9:27 unknown issuer alias 'deom', did you mean 'demo'?",
  ],
  [
    'a group seen in claims of no issuer',
    people(9, "  - { id: dba, authority: 'claims:' }"),
    'directory.yaml:9:27 not an authority: scim:NAME or claims:ISSUER',
  ],
  [
    'a claim that no token is read for',
    people(9, `  - { id: dba, authority: claims:demo, claim: ${'x'.repeat(257)} }`),
    'directory.yaml:9:47 claim: longer than 256 characters, which no token is read for',
  ],
  [
    'a claim of a group that is provisioned',
    people(9, '  - { id: dba, authority: scim:okta, claim: dba }'),
    'directory.yaml:9:45 claim: only of a group whose authority is claims:ISSUER',
  ],
  [
    'a maximum age of a group of the file',
    people(9, '  - { id: dba, members: [olga], maximum_age: 1h }'),
    'directory.yaml:9:46 maximum_age: only of a group whose authority is claims:ISSUER',
  ],
  [
    'a maximum age that is no duration',
    people(9, '  - { id: dba, authority: claims:demo, maximum_age: forever }'),
    "directory.yaml:9:53 'forever' is not a duration: 90s, 15m, 4h, 2d or PT15M, more than zero, up to a year",
  ],
  [
    'a maximum age shorter than any token lives',
    people(9, '  - { id: dba, authority: claims:demo, maximum_age: 59s }'),
    'directory.yaml:9:53 maximum_age: from one minute to 90 days',
  ],
  [
    'a maximum age that outlasts a removal by half a year',
    people(9, '  - { id: dba, authority: claims:demo, maximum_age: 180d }'),
    'directory.yaml:9:53 maximum_age: from one minute to 90 days',
  ],
  [
    'a group inside itself',
    people(9, '  - { id: dba, members: [olga], groups: [dba] }'),
    'directory.yaml:9:42 group cycle: dba → dba',
  ],
  [
    'an unknown issuer',
    people(5, '  - { id: olga, accounts: [{ issuer: deom, subject: olga }] }'),
    "directory.yaml:5:38 unknown issuer alias 'deom', did you mean 'demo'?",
  ],
  [
    'a person with an account that has API keys',
    people(5, '  - { id: olga, accounts: [{ issuer: keyturn, subject: olga }] }'),
    'directory.yaml:5:38 keyturn is the issuer of agents with API keys: people sign in at another one',
  ],
  [
    'another issuer by the name of that of API keys',
    people(2, '  demo: "http://127.0.0.1:7082"\n  keyturn: "http://127.0.0.1:7083"'),
    'directory.yaml:3:3 keyturn is the issuer of agents with API keys: choose another name',
  ],
  [
    'a group seen in claims of API keys',
    people(9, "  - { id: dba, authority: 'claims:keyturn' }"),
    "directory.yaml:9:27 unknown issuer alias 'keyturn'",
  ],
  [
    'an issuer that is no URL',
    people(2, '  demo: ftp://login'),
    'directory.yaml:2:9 not an issuer: an http or https URL without credentials, query or fragment',
  ],
  [
    'an issuer with credentials',
    people(2, '  demo: https://a:b@login'),
    'directory.yaml:2:9 not an issuer: an http or https URL without credentials, query or fragment',
  ],
  [
    'a variable that is not set',
    people(2, '  demo: ${TEST_UNSET}'),
    'directory.yaml:2:9 the environment variable TEST_UNSET is not set',
  ],
  [
    'a variable inside other text',
    people(2, '  demo: http://${TEST_HOST}/'),
    "directory.yaml:2:9 'http://${TEST_HOST}/' is not of the form ${NAME} or ${NAME:-otherwise}",
  ],
];

describe.each([
  ['the catalogue', CATALOGUE],
  ['the directory', DIRECTORY],
])('a mistake in %s is refused at its place', (_, mistakes) => {
  it.each(mistakes)('%s', async (_what, changes, problem) => {
    const problems = await problemsOf(changes);
    expect(problems).toEqual([problem]);
    expect(problems.join()).not.toContain('hunter2');
  });
});

describe('a schema of arguments', () => {
  it.each([
    ['a misspelt keyword', '    statement: { type: string, maxLenght: 5 }', 'maxLenght'],
    ['an unknown type', '    statement: { type: text }', 'type'],
    ['a reference that leads nowhere', '    statement: { $ref: "https://example.com/x" }', 'reference'],
    ['a pattern that is none', '    statement: { type: string, pattern: "(" }', 'parsing regexp'],
    [
      'a pattern that only JavaScript knows',
      '    statement: { type: string, pattern: "(?=a)" }',
      'parsing regexp',
    ],
  ])('is refused with %s', async (_, line, word) => {
    const [problem, ...others] = await problemsOf(action(9, line));
    expect(problem).toMatch(/^actions\/sql\.yaml:7:3 not a JSON Schema \(2020-12\): /);
    expect(problem).toContain(word);
    expect(others).toEqual([]);
  });
});

describe('an issuer alias', () => {
  const issuerOf = async (environment: Readonly<Record<string, string>>): Promise<unknown> =>
    (await policyOf({}, environment)).directory.people[0]?.accounts[0]?.issuer;

  it('takes its URL from the environment, or what stands behind the sign', async () => {
    expect(await issuerOf({ TEST_ISSUER: 'http://127.0.0.1:9999' })).toBe('http://127.0.0.1:9999');
    expect(await issuerOf({})).toBe('http://127.0.0.1:7082');
    expect(await issuerOf({ TEST_ISSUER: '' })).toBe('http://127.0.0.1:7082');
  });

  it('refuses a variable that holds no issuer, without showing what it holds', async () => {
    const problems = await problemsOf({}, { TEST_ISSUER: 'hunter2' });
    expect(problems[0]).toMatch(/^directory\.yaml:2:9 not an issuer/);
    expect(problems.join()).not.toContain('hunter2');
  });
});

describe('groups', () => {
  it('may be left to an authority, and named like any other', async () => {
    const { directory } = await policyOf(people(9, '  - { id: dba, authority: scim:okta }'));
    expect(directory.groups[0]).toEqual({ id: 'dba', authority: 'scim:okta', members: [], groups: [] });
  });

  it('may be seen in the claims of an issuer, by a name of its own and for as long as it says', async () => {
    const { directory } = await policyOf(
      people(9, '  - { id: dba, authority: claims:demo, claim: SQL Admins, maximum_age: 12h }'),
    );
    const [group] = directory.groups;
    const issuer = directory.people[0]?.accounts[0]?.issuer;
    const from = { id: 'dba', authority: `claims:${issuer}`, members: [], groups: [] };
    expect(group).toEqual({ ...from, claim: 'SQL Admins', maximum_age_ms: 43_200_000 });
    const short = await policyOf(people(9, `  - { id: dba, authority: 'claims:${issuer}' }`));
    expect(short.directory.groups[0]).toEqual({ ...from, claim: 'dba', maximum_age_ms: 604_800_000 });
  });

  it('may nest into each other as deep as they like, in any order', async () => {
    const lines = Array.from(
      { length: 5000 },
      (_, index) => `  - { id: g${index}, groups: [g${index + 1}] }\n`,
    );
    const chain = (last: string): Files => ({
      'directory.yaml': `${VALID['directory.yaml']}${lines.join('')}  - { id: g5000, groups: [${last}] }\n`,
    });
    expect(await problemsOf(chain('dba'))).toEqual([]);
    expect((await problemsOf(chain('g4999')))[0]).toContain('group cycle: g4999 → g5000 → g4999');
  });

  it('are reported for each circle they make', async () => {
    const groups = ['a, groups: [b, c]', 'b, groups: [a]', 'c, groups: [b, c]'];
    const problems = await problemsOf({
      'directory.yaml': `${VALID['directory.yaml']}${groups.map((group) => `  - { id: ${group} }\n`).join('')}`,
    });
    expect(problems.map((problem) => problem.replace(/^.*cycle: /, ''))).toEqual(['a → b → a', 'c → c']);
  });
});

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['4h', 14_400_000],
    ['2d', 172_800_000],
    ['PT15M', 900_000],
    ['PT1H30M', 5_400_000],
    ['P1DT12H', 129_600_000],
    ['P2D', 172_800_000],
    ['PT90S', 90_000],
    ['366d', 31_622_400_000],
  ])('%s is %d milliseconds', (text, milliseconds) => {
    expect(parseDurationMs(text)).toBe(milliseconds);
  });

  it.each([
    '',
    's',
    '01m',
    '1 m',
    'P',
    'PT',
    'P0D',
    'PT0S',
    'pt15m',
    'PT15',
    '١m',
    '9999999999999s',
    '15m\n',
  ])('cannot be %j', (text) => {
    expect(parseDurationMs(text)).toBeNull();
  });
});
