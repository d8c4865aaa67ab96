import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { formatWarning, loadPolicyFolder } from '../../policy-files/compile.ts';
import { Expression } from '../../domain/conditions/expression.ts';
import { bindFacts } from '../../domain/conditions/binding.ts';
import { ruleFactTypes } from '../../domain/policy/built-in-facts.ts';
import { harmlessValues, setAt } from '../../policy-authoring/grid-cells.ts';
import { findingsOf, formatted, load, policyOf, VALID, withLine, type Files } from './policy-folder.ts';

async function warningsOf(changes: Files): Promise<readonly string[]> {
  const result = await load(changes);
  if (!result.ok) throw new Error(formatted(result).join('\n'));
  // One administrator is too few for critical risk, in most of these policies: test/policy-files/lockouts.test.ts.
  return result.warnings.filter(({ code }) => code !== 'people_short').map(formatWarning);
}

/** Three people who may decide, beside Ada, who owns the agent. */
const DIRECTORY: Files = {
  'directory.yaml': `issuers: { demo: http://127.0.0.1:1 }
people:
  - { id: ada, accounts: [{ issuer: demo, subject: ada }] }
  - { id: olga, accounts: [{ issuer: demo, subject: olga }] }
  - { id: petra, accounts: [{ issuer: demo, subject: petra }] }
  - { id: omar, accounts: [{ issuer: demo, subject: omar }] }
  - { id: ruth, active: false, accounts: [{ issuer: demo, subject: ruth }] }
agents:
  - { id: billing, issuer: demo, subject: agent-billing, owner: ada }
groups:
  - { id: dba, members: [olga, ruth] }
  - { id: leads, members: [petra, omar] }
  - { id: team, members: [ada, olga] }
  - { id: outside, authority: scim:okta }
`,
};

/** The valid policy with these rules in place of its own. */
function rules(...lines: readonly string[]): Files {
  return { ...DIRECTORY, 'rules/sql.yaml': null, 'rules/z.yaml': lines.join('\n') };
}

/** A review rule with these lines inside of `require`, the first of them on line 5. */
function requiring(...lines: readonly string[]): Files {
  const head = ['- id: z', '  on: { action: [postgres.execute] }', '  effect: review', '  require:'];
  return rules(...head, ...lines.map((line) => `    ${line}`));
}

/** A forbid rule under this condition, on line 3. */
function condition(when: string, on = 'action: [postgres.execute]'): Files {
  return rules('- id: z', `  on: { ${on} }`, `  when: ${when}`, '  effect: forbid');
}

const ACTION = 'action: [postgres.execute]';
const STAGES = 'stages: [{ any: [owners], quorum: 1 }]';

describe('a policy', () => {
  it.each(['policies', 'test/stack/policies'])('in %s is read without an error', async (folder) => {
    const environment = {
      KEYTURN_IDP_ISSUER: 'http://127.0.0.1:1',
      KEYTURN_SECOND_ISSUER: 'http://127.0.0.1:2',
    };
    const result = await loadPolicyFolder(path.join(import.meta.dirname, '../..', folder), environment);
    expect(formatted(result)).toEqual([]);
  });

  it('that is the sample, and a small one, has no warning', async () => {
    const sample = await loadPolicyFolder(path.join(import.meta.dirname, '../../policies'), {});
    expect(sample).toMatchObject({ ok: true, warnings: [] });
    expect(await warningsOf({})).toEqual([]);
    expect(await warningsOf(DIRECTORY)).toEqual([]);
  });
});

const SHADOWED: readonly (readonly [what: string, changes: Files, warning: string])[] = [
  [
    'a rule below an unconditional forbid of more',
    rules(
      `- { id: all, on: { ${ACTION} }, effect: forbid }`,
      `- { id: some, on: { ${ACTION}, env: [staging] }, when: plan.rows > 1, effect: allow }`,
    ),
    "rules/z.yaml:2:9 warning rule_shadowed: decides nothing: wherever it applies, all is forbidden by 'all', without a condition",
  ],
  [
    'a rule below two forbids that together are more',
    rules(
      `- { id: one, on: { ${ACTION}, env: [staging] }, effect: forbid }`,
      `- { id: two, on: { ${ACTION}, env: [prod] }, effect: forbid }`,
      `- { id: some, on: { ${ACTION} }, when: plan.rows > 1, effect: forbid }`,
    ),
    "rules/z.yaml:3:9 warning rule_shadowed: decides nothing: wherever it applies, all is forbidden by 'one' and 'two', without a condition",
  ],
  [
    'the second of two forbids over the same',
    rules(
      `- { id: one, on: { ${ACTION}, env: [staging] }, effect: forbid }`,
      `- { id: two, on: { ${ACTION}, env: [staging] }, effect: forbid }`,
    ),
    "rules/z.yaml:2:9 warning rule_shadowed: decides nothing: wherever it applies, all is forbidden by 'one', without a condition",
  ],
  [
    'an allow below an unconditional review',
    rules(
      `- { id: all, on: { ${ACTION} }, effect: review, require: { ${STAGES} } }`,
      `- { id: some, on: { ${ACTION}, env: [prod] }, when: plan.rows == 0, effect: allow }`,
    ),
    "rules/z.yaml:2:9 warning rule_shadowed: decides nothing: wherever it applies, all is reviewed by 'all', without a condition",
  ],
];

const SEATS: readonly (readonly [what: string, changes: Files, warning: string])[] = [
  [
    'a group with one active member and two seats',
    requiring('stages: [{ any: [group:dba], quorum: 2 }]'),
    'rules/z.yaml:5:21 warning seats_unfilled: needs 2 people, but group:dba has 1 person now',
  ],
  [
    'two seats for the person on call',
    {
      ...requiring('stages: [{ any: ["oncall:leads"], quorum: 2 }]'),
      'keyturn.yaml': `${VALID['keyturn.yaml']}selectors:
  oncall:
    leads: { time_zone: UTC, hand_over: { day: mon, time: '09:00' }, starts_on: 2026-01-05, people: [petra, omar] }
`,
    },
    'rules/z.yaml:5:21 warning seats_unfilled: needs 2 people, but oncall:leads has 1 person now: nothing can be decided before it escalates',
  ],
  [
    'owners of one target who have left',
    {
      ...requiring(STAGES),
      'targets/old.yaml': VALID['targets/shop.yaml']
        .replace('id: shop', 'id: old')
        .replace('environment: prod', 'environment: staging')
        .replace('group:dba', 'user:ruth'),
      // Asked only where somebody owns the target.
      ...withLine('keyturn.yaml', 6, '    stages: [{ any: [group:leads], quorum: 1 }]'),
    },
    "rules/z.yaml:5:21 warning seats_unfilled: needs 1 person, but owners has nobody now (on 'old')",
  ],
  [
    'a person whom the rule does not accept',
    requiring(
      'stages: [{ any: [user:olga], quorum: 1 }]',
      `reviewer: { when: '!("dba" in reviewer.groups)' }`,
    ),
    `rules/z.yaml:5:21 warning seats_unfilled: needs 1 person, but user:olga with reviewer.when '!("dba" in reviewer.groups)' has nobody now`,
  ],
  [
    'two stages for one person',
    requiring('stages:', '  - { any: [user:olga], quorum: 1 }', '  - { any: [group:dba], quorum: 1 }'),
    'rules/z.yaml:6:7 warning seats_unfilled: 2 seats of these stages are for the same 1 person, and nobody fills two',
  ],
  [
    'a default requirement that nobody can meet',
    { ...DIRECTORY, ...withLine('keyturn.yaml', 6, '    stages: [{ any: [user:ruth], quorum: 1 }]') },
    'keyturn.yaml:6:21 warning seats_unfilled: needs 1 person, but user:ruth has nobody now',
  ],
  [
    'seats that the owner of an agent fills alone',
    requiring('stages: [{ any: [user:ada], quorum: 1 }]'),
    "rules/z.yaml:5:21 warning own_team_only: when agent 'billing' makes the request, its owner 'ada' may not decide, and for 1 seat nobody is left",
  ],
  [
    'seats for which the owner of an agent is needed',
    requiring('stages: [{ any: [group:team], quorum: 2 }]'),
    "rules/z.yaml:5:21 warning own_team_only: when agent 'billing' makes the request, its owner 'ada' may not decide, and for 2 seats only 1 person is left",
  ],
];

const WORDS = `${VALID['actions/sql.yaml']}    limit: { type: integer }
    role: { enum: [viewer, admin] }
`;

const DIVIDING: readonly (readonly [what: string, changes: Files, divisor: string | null])[] = (
  [
    ['plan.rows / plan.resources > 1', 'plan.resources'],
    ['plan.rows % plan.resources == 0', 'plan.resources'],
    ['plan.rows / 0 > 1', '0'],
    ['plan.rows / (plan.resources - 3) > 1', 'plan.resources - 3'],
    ['plan.resources != 1 && plan.rows / plan.resources > 1', 'plan.resources'],
    ['plan.resources == 0 && plan.rows / plan.resources > 1', 'plan.resources'],
    ['plan.resources != 0 || plan.rows / plan.resources > 1', 'plan.resources'],
    ['(plan.resources != 0 || plan.rows > 1) && plan.rows / plan.resources > 1', 'plan.resources'],
    ['plan.resources >= 0 && plan.rows / plan.resources > 1', 'plan.resources'],
    ['plan.resources > -1 && plan.rows / plan.resources > 1', 'plan.resources'],
    ['plan.resources > 0 ? true : plan.rows / plan.resources > 1', 'plan.resources'],
    ['plan.rows / 2 > 1', null],
    ['plan.resources != 0 && plan.rows / plan.resources > 1', null],
    ['plan.rows / plan.resources > 1 && plan.resources > 0', null],
    ['0 < plan.resources && plan.rows / plan.resources > 1', null],
    ['plan.resources >= 1 && plan.destructive && plan.rows / plan.resources > 1', null],
    ['plan.resources == 0 || plan.rows / plan.resources > 1', null],
    ['plan.resources == 0 ? true : plan.rows / plan.resources > 1', null],
    ['!(plan.resources < 1) && plan.rows / plan.resources > 1', null],
    ['(plan.resources > 5 || plan.resources < 0) && plan.rows / plan.resources > 1', null],
  ] as const
).map(([when, divisor]) => [when, condition(JSON.stringify(when)), divisor]);

/** A policy in which two arguments may be left out, with these rules. */
function optional(...lines: readonly string[]): Files {
  return { ...rules(...lines), 'actions/sql.yaml': WORDS };
}

const SKIPPING =
  '- { id: z, on: { action: [postgres.execute] }, effect: forbid, when: "has(args.limit) && args.limit > 5" }';

const ABSENT: readonly (readonly [what: string, changes: Files, path: string | null])[] = [
  ['a forbid rule', optional(SKIPPING), 'args.limit'],
  [
    'a test inside of another',
    optional(SKIPPING.replace('"', '"plan.rows > 1 && (').replace('5"', '5)"')),
    'args.limit',
  ],
  [
    'a test by a negation',
    optional(SKIPPING.replace('has(args.limit) &&', '!(!has(args.limit)) &&')),
    'args.limit',
  ],
  [
    'an unconditional rule for another action',
    optional(SKIPPING, '- { id: o, on: { action: [keyturn.resolve] }, effect: forbid }'),
    'args.limit',
  ],
  [
    'a rule about what is absent',
    optional(
      SKIPPING,
      '- { id: o, on: { action: [postgres.execute] }, effect: forbid, when: "!has(args.limit)" }',
    ),
    null,
  ],
  [
    'one that also asks for more',
    optional(
      SKIPPING,
      '- { id: o, on: { action: [postgres.execute] }, effect: forbid, when: "plan.rows > 1 && !has(args.limit)" }',
    ),
    null,
  ],
  ['a test that is not needed', optional(SKIPPING.replace('&& args.limit > 5', '|| plan.rows > 1')), null],
  ['an allow rule', optional(SKIPPING.replace('forbid', 'allow')), null],
];

const CONSTANT: readonly (readonly [what: string, changes: Files, warning: string])[] = [
  [
    'a count that is never negative',
    condition('plan.rows >= 0'),
    'rules/z.yaml:3:9 warning condition_constant: always true, whatever the facts are',
  ],
  [
    'two bounds that exclude each other',
    condition('plan.rows > 10 && plan.rows < 11'),
    'rules/z.yaml:3:9 warning condition_constant: always false, whatever the facts are',
  ],
  [
    'an environment that the rule does not have',
    condition('resource.env == "staging"', 'action: [postgres.execute], env: [prod]'),
    'rules/z.yaml:3:9 warning condition_constant: always false, whatever the facts are',
  ],
  [
    'every word of an enum',
    {
      ...condition('has(args.role) && (args.role == "viewer" || args.role != "viewer") || !has(args.role)'),
      'actions/sql.yaml': WORDS,
    },
    'rules/z.yaml:3:9 warning condition_constant: always true, whatever the facts are',
  ],
  [
    'an hour that no clock shows',
    {
      ...condition('calendar.hour >= 24'),
      'keyturn.yaml': `${VALID['keyturn.yaml']}calendars: { office: { time_zone: UTC, week: { mon: ['09:00-17:00'] } } }\n`,
    },
    'rules/z.yaml:3:9 warning condition_constant: always false, whatever the facts are',
  ],
  [
    'a line of the risk policy',
    {
      'keyturn.yaml': `${VALID['keyturn.yaml']}risk:\n  lines:\n    - { weight: 1, because: x, when: plan.rows < 0 }\n`,
    },
    'keyturn.yaml:11:38 warning condition_constant: always false, whatever the facts are',
  ],
];

describe.each([
  ['a rule that decides nothing', SHADOWED],
  ['missing people', SEATS],
  ['a condition that never changes', CONSTANT],
])('%s is shown at its place', (_, cases) => {
  it.each(cases)('%s', async (_what, changes, warning) => {
    expect(await warningsOf(changes)).toEqual([warning]);
  });
});

describe('more rules on one action and target than people can review', () => {
  const many = (count: number): Files => {
    const one = (id: number): string =>
      `- { id: r${id}, on: { ${ACTION} }, when: plan.rows > ${id}, effect: forbid }`;
    return rules(...Array.from({ length: count }, (_, id) => one(id)));
  };

  it('are shown at the first one too many', async () => {
    expect(await warningsOf(many(64))).toEqual([]);
    expect(await warningsOf(many(65))).toEqual([
      "rules/z.yaml:65:18 warning bucket_large: 65 rules can match 'postgres.execute' on 'shop': more than 64 are hard to review, and each is evaluated every time",
    ]);
  });
});

describe('what is not certain is not reported:', () => {
  it.each<readonly [string, Files]>([
    [
      'a rule that a conditional forbid covers',
      rules(
        `- { id: all, on: { ${ACTION} }, when: plan.rows > 1, effect: forbid }`,
        `- { id: some, on: { ${ACTION}, env: [staging] }, when: plan.rows > 2, effect: allow }`,
      ),
    ],
    [
      'a forbid of break-glass requests below one that yields to them',
      rules(
        `- { id: all, on: { ${ACTION} }, effect: forbid, yields_to_break_glass: true }`,
        `- { id: some, on: { ${ACTION} }, when: plan.rows > 1, effect: forbid }`,
      ),
    ],
    [
      'a rule on all targets below a forbid that lists those of today',
      rules(
        `- { id: all, on: { ${ACTION}, target: [shop] }, effect: forbid }`,
        `- { id: some, on: { ${ACTION} }, when: plan.rows > 1, effect: forbid }`,
      ),
    ],
    ['members whom another authority brings', requiring('stages: [{ any: [group:outside], quorum: 3 }]')],
    ['a condition over a list', condition('resource.tags.size() >= 0')],
    ['an argument that may be negative', condition('args.count >= 0')],
    ['a condition on two facts', condition('plan.rows >= plan.resources')],
    ['a condition that calls', condition('args.statement.startsWith("")')],
    [
      'an optional field',
      { ...condition("'!has(args.limit) || args.limit >= 0'"), 'actions/sql.yaml': WORDS },
    ],
  ])('%s', async (_what, changes) => {
    const catalogue = changes['actions/sql.yaml'] ?? REQUIRED;
    expect(await warningsOf({ ...changes, 'actions/sql.yaml': catalogue })).toEqual([]);
  });
});

const REQUIRED = `${VALID['actions/sql.yaml'].replace('  type: object', '  type: object\n  required: [statement, count]')}    count: { type: integer }
`;

describe('a proposed policy', () => {
  it('carries its warnings to those who decide on it, with their place', () => {
    const later = 'escalate: [{ after: 1h, to: group:leads }]';
    const changes = requiring(`stages: [{ any: [group:dba], quorum: 2, ${later} }]`);
    expect(findingsOf(changes)).toMatchObject({
      problems: [],
      warnings: [
        'rules/z.yaml:5:21 z seats_unfilled: needs 2 people, but group:dba has 1 person now: nothing can be decided before it escalates',
      ],
    });
  });
});

describe('a warning of a division', () => {
  it.each(DIVIDING)(
    'is said where the divisor may be 0, and nowhere else: %s',
    async (_when, changes, divisor) => {
      const warnings = (await warningsOf(changes)).filter((line) => line.includes('division_by_zero'));
      const message = `divides by ${divisor}, and where that is 0 it cannot be decided: then the rule forbids`;
      expect(warnings).toEqual(
        divisor === null ? [] : [`rules/z.yaml:3:9 warning division_by_zero: ${message}`],
      );
    },
  );

  it('is true: dividing by 0 is an error, by which a forbid rule forbids', async () => {
    const policy = await policyOf(condition('plan.rows / plan.resources > 1'));
    const [rule] = policy.rules;
    const expression = new Expression(rule?.when ?? '');
    const types = ruleFactTypes(policy, policy.actions[0] ?? expect.unreachable());
    const values = harmlessValues(types);
    setAt(values, ['plan', 'resources'], 0);
    expect(expression.evaluate(bindFacts(types, values))).toMatchObject({ kind: 'error' });
  });
});

describe('a warning of an argument that may be left out', () => {
  it.each(ABSENT)(
    'is said of rules that hold back, where no other looks: %s',
    async (_what, changes, path) => {
      const warnings = (await warningsOf(changes)).filter((line) => line.includes('absence_skips'));
      expect(warnings).toHaveLength(path === null ? 0 : 1);
      if (path !== null) expect(warnings[0]).toContain(`does not apply to requests without ${path}`);
    },
  );
});
