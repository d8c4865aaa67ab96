import { describe, expect, it } from 'vitest';

import { tightened } from '../../domain/policy/combined-requirement.ts';
import { evaluate } from '../../domain/policy/evaluation.ts';
import { classifyChange } from '../../domain/policy-diff/diff.ts';
import { stageText } from '../../policy-authoring/policy-test-expectation.ts';
import { targetOf, type PolicySet } from '../../domain/policy/policy.ts';
import { requestFacts } from '../../domain/policy/request-facts.ts';
import { policyOf, problemsOf, VALID, type Files } from './policy-folder.ts';

const CLOCK = `calendars:
  office: { time_zone: UTC, week: { mon-fri: ['09:00-17:00'] } }
selectors:
  oncall:
    sre: { time_zone: UTC, hand_over: { day: mon, time: '09:00' }, starts_on: 2026-01-05, people: [olga] }
`;

function rule(...lines: readonly string[]): Files {
  const head = ['- id: night', '  on: { action: [postgres.execute] }', '  effect: review'];
  return {
    'keyturn.yaml': VALID['keyturn.yaml'] + CLOCK,
    'rules/sql.yaml': null,
    'rules/z.yaml': [...head, ...lines.map((line) => `  ${line}`)].join('\n'),
  };
}

const REQUIRE =
  'require: { stages: [{ any: [owners], quorum: 1, escalate: [{ after: 1h, to: group:dba }] }] }';
const INSTEAD = `instead: { of: owners, ask: 'oncall:sre', when: '!calendar.business_hours' }`;
const REPLACES = 'replaces_default: true';
const NIGHT = rule('when: plan.rows > 1', REQUIRE, INSTEAD, REPLACES);

/** A condition of which two are more than the language takes. */
const manyFacts = (fact: string): string =>
  `has(args.statement) && ${Array.from({ length: 30 }, (_, number) => `${fact} != "${fact === 'args.statement' ? number : ''}"`).join(' && ')}`;

const JOINED = 'request.agent + "a" + "b" + "c" + "d" + "e" != calendar.date';

const DAY_TIME = '2026-01-05T12:00:00.000Z';
const NIGHT_TIME = '2026-01-05T22:00:00.000Z';

function evaluated(policy: PolicySet, at: string, rows = 2): ReturnType<typeof evaluate> {
  const target = targetOf(policy, 'shop');
  if (!target) throw new Error('no target');
  return evaluate(
    policy,
    {
      action: 'postgres.execute',
      target,
      args: { statement: '' },
      plan: {
        rows_changed: rows,
        resources_changed: 1,
        is_destructive: false,
        is_reversible: true,
        is_fully_previewed: true,
        names: [],
      },
      request: requestFacts(policy.directory, { mode: 'execute', lineage: [], break_glass: false }),
      at,
      history: { requests_24h: 0, denials_24h: 0, failures_24h: 0 },
      windows: {},
    },
    'planned',
  );
}

const stagesOf = (policy: PolicySet, at: string, rows?: number): readonly string[] =>
  (evaluated(policy, at, rows).requirement?.rules ?? []).flatMap(({ rule: id, stages }) =>
    stages.map((stage) => `${id}: ${stageText(stage)}`),
  );

describe('a rule with instead', () => {
  it('asks the one while the condition holds, and the other while it does not', async () => {
    const policy = await policyOf(NIGHT);
    expect(stagesOf(policy, DAY_TIME)).toEqual(['night: owners x1']);
    expect(stagesOf(policy, NIGHT_TIME)).toEqual(['night.instead: oncall:sre x1']);
    expect(stagesOf(policy, NIGHT_TIME, 1)).toEqual(['default: owners x1']);
  });

  it('asks both once a round of either time was followed by one of the other', async () => {
    const policy = await policyOf(NIGHT);
    const [day, night] = [DAY_TIME, NIGHT_TIME].map((at) => evaluated(policy, at).requirement);
    if (!day || !night) return expect.unreachable();
    expect(
      tightened(night, day)
        .rules.map(({ rule: id }) => id)
        .sort(),
    ).toEqual(['night', 'night.instead']);
  });

  it('asks both where the condition cannot be evaluated', async () => {
    const text = INSTEAD.replace('!calendar.business_hours', '10 / (plan.rows - 2) > 1');
    const policy = await policyOf(rule(REQUIRE, text, REPLACES));
    expect(stagesOf(policy, DAY_TIME).toSorted()).toEqual([
      'default: owners x1',
      'night.instead: oncall:sre x1',
      'night: owners x1',
    ]);
  });

  it('replaces escalations as well, and nobody else', async () => {
    const escalating = REQUIRE.replace('group:dba', 'owners').replace('[owners]', '[group:dba, owners]');
    const { rules } = await policyOf(rule(escalating, INSTEAD));
    expect(rules.map(({ require }) => require?.stages)).toEqual([
      [{ any: ['group:dba', 'owners'], quorum: 1, escalate: [{ after_ms: 3_600_000, to: 'owners' }] }],
      [
        {
          any: ['group:dba', 'oncall:sre'],
          quorum: 1,
          escalate: [{ after_ms: 3_600_000, to: 'oncall:sre' }],
        },
      ],
    ]);
  });

  it('is two rules to everything behind the files', async () => {
    const policy = await policyOf(NIGHT);
    expect(policy.rules.map(({ id, when }) => [id, when])).toEqual([
      ['night', '(plan.rows > 1) && (!(!calendar.business_hours))'],
      ['night.instead', '(plan.rows > 1) && (!calendar.business_hours)'],
    ]);
    const without = await policyOf(rule('when: plan.rows > 1', REQUIRE, REPLACES));
    const { changes } = classifyChange(without, policy);
    expect(changes.map(({ name, how, kind }) => `${name} ${how}: ${kind}`)).toEqual([
      'night.instead added: loosening',
      'night edited: loosening',
    ]);
  });

  it.each([
    [
      'a selector that the rule does not ask',
      rule(REQUIRE, INSTEAD.replace('owners', 'user:ada')),
      "rules/z.yaml:5:18 the rule has no reviewer 'user:ada'",
    ],
    [
      'a rotation that does not exist',
      rule(REQUIRE, INSTEAD.replace('oncall:sre', 'oncall:sree')),
      "rules/z.yaml:5:31 unknown rotation 'sree', did you mean 'sre'?",
    ],
    [
      'a mistake in its condition',
      rule(REQUIRE, INSTEAD.replace('business_hours', 'busines_hours')),
      "rules/z.yaml:5:62 when: unknown field 'busines_hours', did you mean 'business_hours'?",
    ],
    [
      'a rule of the name that it takes',
      {
        ...rule(REQUIRE, INSTEAD),
        'rules/a.yaml': '- { id: night.instead, on: { action: [postgres.execute] }, effect: forbid }\n',
      },
      "rules/z.yaml:5:12 duplicate rule 'night.instead' (first at rules/a.yaml:1)",
    ],
    [
      'the selector that is away',
      rule(REQUIRE, INSTEAD.replace('oncall:sre', 'owners')),
      'rules/z.yaml:5:31 nobody stands in for themselves',
    ],
    [
      'a condition that cannot be evaluated together with that of the rule',
      rule(
        `when: ${manyFacts('args.statement')}`,
        REQUIRE,
        INSTEAD.replace('!calendar.business_hours', manyFacts('request.agent')),
      ),
      expect.stringMatching(/together with the condition that is added to it$/),
    ],
    [
      'a condition that joins too many texts together with that of the rule',
      rule(`when: ${JOINED}`, REQUIRE, INSTEAD.replace('!calendar.business_hours', JOINED)),
      expect.stringMatching(
        /^rules.z.yaml:6:.*more than 8 joins .*together with the condition that is added to it$/,
      ),
    ],
    [
      'a rule that asks nobody',
      {
        ...rule(),
        'rules/z.yaml': `- id: night\n  on: { action: [postgres.execute] }\n  effect: forbid\n  ${INSTEAD}\n`,
      },
      'rules/z.yaml:4:12 only a review rule can name other reviewers instead',
    ],
  ] as const)('is refused with %s', async (_what, files, problem) => {
    expect(await problemsOf(files)).toEqual([problem]);
  });
});
