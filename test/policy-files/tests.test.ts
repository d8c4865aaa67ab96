import { describe, expect, it } from 'vitest';

import { formatProblem, loadPolicyFolder } from '../../policy-files/compile.ts';
import { loadPolicyTests, type PolicyTestsResult } from '../../policy-files/tests.ts';
import { VALID, withFolder, type Files } from './policy-folder.ts';

const POLICY: Files = {
  ...VALID,
  'keyturn.yaml': `${VALID['keyturn.yaml']}windows:
  - { id: rows, action: [postgres.execute], over: 24h, per: [lineage], sum: plan.rows }
selectors:
  oncall:
    sre: { source: pager, schedule: P1A2B3C, maximum_staleness: 10m }
    dba: { time_zone: UTC, hand_over: { day: mon, time: 09:00 }, starts_on: 2026-01-05, people: [olga] }
`,
  'actions/gate.yaml':
    'action: shop.refund\nschema_version: 1\ntitle: Refund\nresource_type: shop.order\narguments: { type: object, required: [cents], properties: { cents: { type: integer } } }\n',
  'targets/order.yaml':
    'id: orders\ntitle: Orders\nresource_type: shop.order\nenvironment: prod\nowners: [group:dba]\n',
};

async function loadTests(files: Files): Promise<PolicyTestsResult> {
  return withFolder({ ...POLICY, ...files }, async (directory) => {
    const loaded = await loadPolicyFolder(directory, {});
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loadPolicyTests(directory, loaded.policy);
  });
}

async function problemsOf(text: string): Promise<readonly string[]> {
  const result = await loadTests({ 'tests/a.yaml': text });
  return result.ok ? [] : result.problems.map(formatProblem);
}

const GIVEN = 'given: { action: postgres.execute, target: shop, requester: billing }';

/** A test whose other lines follow its name, the first of them on line 3. */
function lines(...rest: readonly string[]): string {
  return ['tests:', '  - name: a', ...rest.map((line) => `    ${line}`)].join('\n');
}

/** One fact more, in column 75 of line 3. */
function given(fact: string): string {
  return lines(`${GIVEN.slice(0, -2)}, ${fact} }`, 'expect: { effect: review }');
}

const expecting = (expectation: string): string => lines(GIVEN, `expect: ${expectation}`);

const MISTAKES: readonly (readonly [what: string, text: string, ...problems: readonly string[]])[] = [
  [
    'no list',
    'tests: 1',
    'tests/a.yaml:1:8 expected a list, found the number 1 (put it in quotes if text is meant)',
  ],
  ['an empty list', 'tests: []', 'tests/a.yaml:1:8 an empty list'],
  ['another key', 'cases: []', "tests/a.yaml:1:1 unknown key 'cases'", "tests/a.yaml:1:1 missing 'tests'"],
  [
    'another version',
    `version: keyturn/v2\n${expecting('{ effect: allow }')}`,
    "tests/a.yaml:1:10 'keyturn/v2' is not a known version: write keyturn/v1",
  ],
  ['nothing given', lines('expect: { effect: allow }'), "tests/a.yaml:2:5 missing 'given'"],
  ['nothing expected', lines(GIVEN), "tests/a.yaml:2:5 expects nothing: missing 'expect' or 'may'"],
  ['an empty expectation', expecting('{}'), 'tests/a.yaml:4:13 expects nothing'],
  [
    'an unknown expectation',
    expecting('{ efect: allow }'),
    "tests/a.yaml:4:15 unknown key 'efect', did you mean 'effect'?",
  ],
  [
    'an unknown status',
    expecting('{ status: done }'),
    "tests/a.yaml:4:23 'done' is not one of pending, approved, denied, expired",
  ],
  [
    'unknown channels',
    expecting('{ channels: none }'),
    "tests/a.yaml:4:25 'none' is not one of all, summary, link",
  ],
  [
    'a decision of somebody unknown',
    given('decisions: [{ by: olaf, verdict: approve }]'),
    "tests/a.yaml:3:92 unknown person 'olaf', did you mean 'olga'?",
  ],
  [
    'a decision that decides nothing',
    given('decisions: [{ by: olga, verdict: defer }]'),
    "tests/a.yaml:3:107 'defer' is not one of approve, deny",
  ],
  [
    'decisions that go back in time',
    given('decisions: [{ by: olga, verdict: deny, at: 5m }, { by: ada, verdict: deny, at: 4m }]'),
    'tests/a.yaml:3:123 decided before the decision above it: list them in chronological order',
  ],
  [
    'a plan of something else that loosens policy',
    given('plan: { is_loosening: true }'),
    'tests/a.yaml:3:82 is_loosening: only a plan of keyturn.policy.publish says so',
  ],
  [
    'an action on Keyturn itself at another target',
    lines('given: { action: keyturn.review, target: shop, requester: ada }', 'expect: { effect: review }'),
    'tests/a.yaml:3:46 shop is a postgres.database: keyturn.review acts on keyturn.review',
  ],
  [
    'an action on Keyturn itself that there is not',
    lines(
      'given: { action: keyturn.publish, target: keyturn, requester: ada }',
      'expect: { effect: review }',
    ),
    "tests/a.yaml:3:22 unknown action 'keyturn.publish'",
  ],
  [
    'an unknown effect',
    expecting('{ effect: deny }'),
    "tests/a.yaml:4:23 'deny' is not one of allow, review, forbid",
  ],
  [
    'an unknown risk',
    expecting('{ risk: huge }'),
    "tests/a.yaml:4:21 'huge' is not one of low, medium, high, critical, did you mean 'high'?",
  ],
  [
    'an unknown rule',
    expecting('{ rules: [sq] }'),
    "tests/a.yaml:4:23 unknown rule 'sq', did you mean 'sql'?",
  ],
  [
    'a stage without a number',
    expecting('{ stages: ["group:dba"] }'),
    'tests/a.yaml:4:24 not a stage: selectors with or between, and how many, such as group:dba or owners x2',
  ],
  [
    'a stage of an unknown group',
    expecting('{ stages: [owners or group:db x2] }'),
    "tests/a.yaml:4:24 unknown group 'db', did you mean 'dba'?",
  ],
  [
    'an expiry in words',
    expecting('{ expires: soon }'),
    "tests/a.yaml:4:24 'soon' is not a duration: 90s, 15m, 4h, 2d or PT15M, more than zero, up to a year",
  ],
  [
    'an unknown action',
    lines(
      'given: { action: postgres.exceute, target: shop, requester: billing }',
      'expect: { effect: allow }',
    ),
    "tests/a.yaml:3:22 unknown action 'postgres.exceute', did you mean 'postgres.execute'?",
  ],
  [
    'an unknown target',
    lines(
      'given: { action: postgres.execute, target: shp, requester: billing }',
      'expect: { effect: allow }',
    ),
    "tests/a.yaml:3:48 unknown target 'shp', did you mean 'shop'?",
  ],
  [
    'a target of another type',
    lines(
      'given: { action: postgres.execute, target: orders, requester: billing }',
      'expect: { effect: allow }',
    ),
    'tests/a.yaml:3:48 orders is a shop.order: postgres.execute acts on postgres.database',
  ],
  [
    'an unknown requester',
    lines(
      'given: { action: postgres.execute, target: shop, requester: biling }',
      'expect: { effect: allow }',
    ),
    "tests/a.yaml:3:65 unknown agent 'biling', did you mean 'billing'?",
  ],
  ['an agent acted for', given('on_behalf_of: billing'), "tests/a.yaml:3:88 unknown person 'billing'"],
  [
    'arguments that the schema refuses',
    given('arguments: { statement: 1 }'),
    'tests/a.yaml:3:85 arguments/statement must be string',
  ],
  [
    'arguments that are missing',
    lines('given: { action: shop.refund, target: orders, requester: billing }', 'expect: { effect: review }'),
    "tests/a.yaml:3:12 arguments must have required property 'cents'",
  ],
  ['arguments that are a list', given('arguments: []'), 'tests/a.yaml:3:85 expected a mapping, found a list'],
  [
    'a plan without a connector',
    lines(
      'given: { action: shop.refund, target: orders, requester: billing, arguments: { cents: 1 }, plan: {} }',
      'expect: { effect: review }',
    ),
    'tests/a.yaml:3:102 an action without a connector has no plan',
  ],
  [
    'an unknown fact of the plan',
    given('plan: { row: 1 }'),
    "tests/a.yaml:3:82 unknown key 'row', did you mean 'rows'?",
  ],
  [
    'a part of a row',
    given('plan: { rows: 1.5 }'),
    'tests/a.yaml:3:88 1.5 is not a whole number from 0 to 9007199254740991',
  ],
  ['a flag in words', given('break_glass: yes'), 'tests/a.yaml:3:87 expected true or false, found text'],
  [
    'a time without a zone',
    given('at: "2026-11-24T10:00:00"'),
    'tests/a.yaml:3:78 not an instant such as 2026-11-24T10:00:00Z or 2026-11-24T11:00:00+01:00',
  ],
  [
    'a day that is none',
    given('at: 2026-02-30T10:00:00Z'),
    'tests/a.yaml:3:78 not an instant such as 2026-11-24T10:00:00Z or 2026-11-24T11:00:00+01:00',
  ],
  ['an unknown mode', given('mode: lend'), "tests/a.yaml:3:80 'lend' is not one of execute, lease, gate"],
  ['an unknown history', given('history: { denials: 1 }'), "tests/a.yaml:3:85 unknown key 'denials'"],
  [
    'an unknown window',
    given('plan: {}, windows: { row: { sum: 1 } }'),
    "tests/a.yaml:3:95 unknown window 'row', did you mean 'rows'?",
  ],
  [
    'windows before the plan',
    given('windows: { rows: { sum: 1 } }'),
    'tests/a.yaml:3:83 windows are counted once the request is planned: give a plan as well',
  ],
  [
    'somebody on call by a rotation that nothing declares',
    given('on_call: { sra: [olga] }'),
    "tests/a.yaml:3:85 unknown rotation 'sra', did you mean 'sre'?",
  ],
  [
    'somebody unknown on call',
    given('on_call: { sre: [olg] }'),
    "tests/a.yaml:3:91 unknown person 'olg', did you mean 'olga'?",
  ],
  [
    'somebody on call by a rotation that is written out',
    given('on_call: { dba: [olga] }'),
    'tests/a.yaml:3:85 dba is written out: who is on call follows from the time',
  ],
  ['nobody who may', lines(GIVEN, 'may: {}'), 'tests/a.yaml:4:10 names nobody'],
  [
    'an unknown reviewer',
    lines(GIVEN, 'may: { olg: yes }'),
    "tests/a.yaml:4:12 unknown person 'olg', did you mean 'olga'?",
  ],
  [
    'a code that is none',
    lines(GIVEN, 'may: { olga: self-approval }'),
    "tests/a.yaml:4:18 'self-approval' is not one of yes, self_approval, not_eligible, on_call_unknown, reviewer_inactive, reviewer_unknown, request_not_pending, request_expired, already_decided, did you mean 'self_approval'?",
  ],
  [
    'a wait for nobody',
    lines(GIVEN, 'expect: { effect: review }', 'after: 5m'),
    'tests/a.yaml:5:12 after is the time at which may or status is checked: neither is there',
  ],
  [
    'two tests of one name',
    `${expecting('{ effect: review }')}\n${lines(GIVEN, 'expect: { effect: review }').slice(7)}`,
    "tests/a.yaml:5:11 duplicate test 'a' (first at tests/a.yaml:2)",
  ],
];

describe('a mistake in the tests of a policy is refused at its place', () => {
  it.each(MISTAKES)('%s', async (_what, text, ...problems) => {
    expect(await problemsOf(text)).toEqual(problems);
  });
});

describe('the tests of a policy', () => {
  it('are read with the defaults that a person would expect', async () => {
    const result = await loadTests({
      'tests/a.yaml': `${expecting('{ stages: [owners or group:dba x2], expires: 90m }')}\n    may: { olga: yes }\n    after: 35m`,
    });
    expect(result).toMatchObject({
      ok: true,
      tests: [
        {
          name: 'a',
          source: 'tests/a.yaml:2',
          given: {
            on_behalf_of: null,
            declared_on_behalf_of: null,
            arguments: {},
            plan: null,
            mode: 'execute',
            break_glass: false,
            windows: {},
            decisions: [],
          },
          expect: { stages: ['group:dba or owners x2'], expires_ms: 5_400_000 },
          may: { olga: 'yes' },
          after_ms: 2_100_000,
        },
      ],
    });
  });

  it('say who is on call by a service, or leave it unknown', async () => {
    const result = await loadTests({ 'tests/a.yaml': given('on_call: { sre: [olga] }') });
    expect(result).toMatchObject({ ok: true, tests: [{ given: { on_call: { sre: ['olga'] } } }] });
    const silent = await loadTests({ 'tests/a.yaml': expecting('{ effect: review }') });
    expect(silent.ok && silent.tests[0]?.given).not.toHaveProperty('on_call');
  });

  it('are missed where there are none', async () => {
    const result = await loadTests({});
    expect(result.ok ? [] : result.problems.map(formatProblem)).toEqual([
      'tests:1:1 the policy has no tests',
    ]);
    const empty = await loadTests({ 'tests/notes.md': 'nothing here' });
    expect(empty.ok ? [] : empty.problems.map(formatProblem)).toEqual(['tests:1:1 the policy has no tests']);
  });

  it('are YAML files of that folder only', async () => {
    const result = await loadTests({ 'tests/a.json': '{}' });
    expect(result.ok ? [] : result.problems.map(formatProblem)).toEqual([
      'tests/a.json:1:1 only .yaml and .yml files belong in tests/',
    ]);
  });
});
