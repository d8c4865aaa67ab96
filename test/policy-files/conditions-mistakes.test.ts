import { describe, expect, it } from 'vitest';

import { problemsOf, VALID, type Files, type Mistake } from './policy-folder.ts';

const ACTION = `${VALID['actions/sql.yaml']}    limit: { type: integer }
    role: { enum: [viewer, admin] }
`;

const GATE = `action: shop.refund
schema_version: 1
title: Refund
resource_type: shop.order
arguments: { type: object, required: [cents], properties: { cents: { type: integer } } }
`;

const CATALOGUE: Files = { 'actions/sql.yaml': ACTION, 'actions/gate.yaml': GATE };

/** A forbid rule with these lines, the first of them on line 4. */
function rule(...lines: readonly string[]): Files {
  const head = ['- id: r', '  on: { action: [postgres.execute] }', '  effect: forbid'];
  return { ...CATALOGUE, 'rules/r.yaml': [...head, ...lines.map((line) => `  ${line}`)].join('\n') };
}

/** A rule of this effect with these lines, the first of them on line 3. */
function ruleWith(action: string, ...lines: readonly string[]): Files {
  const head = ['- id: r', `  on: { action: [${action}] }`];
  return { ...CATALOGUE, 'rules/r.yaml': [...head, ...lines.map((line) => `  ${line}`)].join('\n') };
}

const settings = (...lines: readonly string[]): Files => ({
  ...CATALOGUE,
  'keyturn.yaml': `${VALID['keyturn.yaml']}${lines.join('\n')}\n`,
});

/** A risk line that names what it is about, on line 11. */
const lineOn = (on: string, when: string): Files =>
  settings('risk:', '  lines:', `    - { on: { ${on} }, weight: 1, because: x, when: ${when} }`);

const REQUIRE = 'require: { stages: [{ any: [owners], quorum: 1 }] }';

const CONDITIONS: readonly Mistake[] = [
  [
    'an unknown field',
    rule('when: plan.rowz > 1'),
    "rules/r.yaml:4:14 when: unknown field 'rowz', did you mean 'rows'?",
  ],
  [
    'an unknown variable',
    rule('when: plans.rows > 1'),
    "rules/r.yaml:4:9 when: unknown variable 'plans', did you mean 'plan'?",
  ],
  [
    'two types in one comparison',
    rule('when: plan.rows > "1"'),
    'rules/r.yaml:4:9 when: no such operation: int > string',
  ],
  [
    'a word that its enum lacks',
    rule('when: resource.env == "prodd"'),
    "rules/r.yaml:4:25 when: 'prodd' is not one of staging, prod, did you mean 'prod'?",
  ],
  [
    'a result that is no bool',
    rule('when: plan.rows + 1'),
    'rules/r.yaml:4:9 when: must be true or false, not int',
  ],
  [
    'no facts at all',
    rule('when: "true"'),
    'rules/r.yaml:4:10 when: the condition reads no fact: it never changes',
  ],
  [
    'matches()',
    rule('when: args.statement.matches("(a+)+$")'),
    'rules/r.yaml:4:9 when: matches() is not allowed: it backtracks; use re2()',
  ],
  [
    'a pattern that is none',
    rule("when: re2(resource.id, '(')"),
    'rules/r.yaml:4:26 when: error parsing regexp: missing closing ): `(`',
  ],
  ['a syntax error', rule('when: plan.rows >'), 'rules/r.yaml:4:20 when: Unexpected token: EOF'],
  [
    'an optional field without has()',
    rule('when: args.limit > 1'),
    "rules/r.yaml:4:14 when: 'limit' may be absent: test it first with has(args.limit) && …",
  ],
  ['nothing', rule('when: ""'), 'rules/r.yaml:4:9 an empty condition'],
  [
    'a number',
    rule('when: 1'),
    'rules/r.yaml:4:9 expected text, found the number 1 (put it in quotes if text is meant)',
  ],
  [
    'a mark that hides text',
    rule('when: "plan.rows > 1\u202E"'),
    'rules/r.yaml:4:9 holds control or invisible characters',
  ],
  [
    'too many characters',
    rule(`when: ${'plan.rows > 1 || '.repeat(150)}plan.rows > 1`),
    'rules/r.yaml:4:9 a condition longer than 2048 characters',
  ],
];

const POSITIONS: readonly Mistake[] = [
  [
    'a literal block',
    rule('when: |', '  plan.rows > 1 ||', '  plan.rowz > 2'),
    "rules/r.yaml:6:10 when: unknown field 'rowz', did you mean 'rows'?",
  ],
  [
    'a folded block',
    rule('when: >-', '  plan.rows > 1 ||', '', '  plan.rowz > 2'),
    "rules/r.yaml:7:10 when: unknown field 'rowz', did you mean 'rows'?",
  ],
  [
    'single quotes with an escape',
    rule(`when: 'plan.names[0] == "it''s" || plan.rowz > 2'`),
    "rules/r.yaml:4:43 when: unknown field 'rowz', did you mean 'rows'?",
  ],
  [
    'double quotes with escapes',
    rule('when: "plan.names[0] == \\"a\\\\tb\\" || plan.rowz > 2"'),
    "rules/r.yaml:4:45 when: unknown field 'rowz', did you mean 'rows'?",
  ],
  [
    'plain text over two lines',
    rule('when: plan.rows > 1 ||', '  plan.rowz > 2'),
    "rules/r.yaml:5:10 when: unknown field 'rowz', did you mean 'rows'?",
  ],
];

const ACTIONS: readonly Mistake[] = [
  [
    'a field that one of two actions lacks',
    ruleWith('postgres.execute, shop.refund', 'effect: forbid', 'when: args.cents > 1'),
    "rules/r.yaml:4:14 when: unknown field 'cents' (for postgres.execute)",
  ],
  [
    'a plan where nothing is planned',
    ruleWith('shop.refund', 'effect: forbid', 'when: plan.rows > 1'),
    "rules/r.yaml:4:9 when: unknown variable 'plan'",
  ],
  [
    'a break-glass path that forbids',
    rule('break_glass: true'),
    'rules/r.yaml:4:16 only a review rule can be a break-glass path: somebody always decides',
  ],
  [
    'a review that yields',
    ruleWith('postgres.execute', 'effect: review', REQUIRE, 'yields_to_break_glass: true'),
    'rules/r.yaml:5:26 only a forbid rule can yield to a break-glass path',
  ],
  [
    'an allow on production without a condition',
    ruleWith('postgres.execute', 'effect: allow'),
    "rules/r.yaml:3:11 an allow on 'prod' needs a condition (when)",
  ],
  [
    "an allow of one of Keyturn's own actions",
    ruleWith('keyturn.policy.publish', 'effect: allow', 'when: request.mode == "gate"'),
    'rules/r.yaml:3:11 keyturn.policy.publish can never be allowed outright: rules change by the same rules',
  ],
  [
    'a condition on the request for reviewers',
    ruleWith(
      'postgres.execute',
      'effect: review',
      'require:',
      '  stages: [{ any: [owners], quorum: 1 }]',
      '  reviewer: { when: plan.rows > 1 }',
    ),
    "rules/r.yaml:6:23 when: unknown variable 'plan': only 'reviewer' can be read here (its id, groups)",
  ],
  [
    'a condition inside require',
    ruleWith(
      'postgres.execute',
      'effect: review',
      'require:',
      '  stages: [{ any: [owners], quorum: 1 }]',
      '  when: plan.rows > 1',
    ),
    'rules/r.yaml:6:5 when: a condition belongs to the rule, or to its reviewer',
  ],
];

const SETTINGS: readonly Mistake[] = [
  [
    'a risk line about no fact of any action',
    settings('risk:', '  lines:', '    - { weight: 1, because: x, when: plan.rowz > 1 }'),
    "keyturn.yaml:11:43 when: unknown field 'rowz', did you mean 'rows'?",
  ],
  [
    'a risk line that reads the risk',
    settings('risk:', '  lines:', '    - { weight: 1, because: x, when: risk.score > 1 }'),
    "keyturn.yaml:11:38 when: unknown variable 'risk'",
  ],
  [
    'a risk line about an argument that one of its actions lacks',
    lineOn('action: [postgres.execute, shop.refund]', 'args.cents > 1'),
    "keyturn.yaml:11:92 when: unknown field 'cents' (for postgres.execute)",
  ],
  [
    'a risk line about an optional argument that it does not test for',
    lineOn('action: [postgres.execute]', 'args.limit > 1'),
    "keyturn.yaml:11:79 when: 'limit' may be absent: test it first with has(args.limit) && …",
  ],
  [
    'a risk line about arguments that names no action',
    settings('risk:', '  lines:', '    - { weight: 1, because: x, when: args.cents > 1 }'),
    "keyturn.yaml:11:43 when: unknown field 'cents' (for postgres.execute)",
  ],
  [
    'a risk line on an unknown action',
    lineOn('action: [shop.refunds]', 'resource.production'),
    "keyturn.yaml:11:24 unknown action 'shop.refunds', did you mean 'shop.refund'?",
  ],
  [
    'a risk line on an unknown environment',
    lineOn('action: [shop.refund], env: [prodd]', 'args.cents > 1'),
    "keyturn.yaml:11:44 unknown environment 'prodd', did you mean 'prod'?",
  ],
  [
    'a risk line on a target',
    lineOn('action: [shop.refund], target: [shop]', 'args.cents > 1'),
    "keyturn.yaml:11:38 unknown key 'target'",
  ],
  ['a risk line on nothing', lineOn('action: []', 'resource.production'), 'keyturn.yaml:11:23 an empty list'],
  [
    'channels that show something else',
    settings('risk:', '  demands:', '    high: { channels: links }'),
    "keyturn.yaml:11:23 'links' is not one of all, summary, link, did you mean 'link'?",
  ],
  [
    'a weight of nothing',
    settings('risk:', '  lines:', '    - { weight: 0, because: x, when: plan.rows > 1 }'),
    'keyturn.yaml:11:17 0 is not a whole number from 1 to 100',
  ],
  [
    'tiers that do not rise',
    settings('risk:', '  tiers: { medium: 3, high: 3, critical: 5 }'),
    'keyturn.yaml:10:10 each tier needs a larger weight than the one before it: medium, high, critical',
  ],
  [
    'a sum of text',
    settings(
      'windows:',
      '  - { id: w, action: [postgres.execute], over: 1d, per: [lineage], sum: args.statement }',
    ),
    "keyturn.yaml:10:73 'args.statement' is not a whole number of postgres.execute: plan.rows, plan.resources or args.NAME",
  ],
  [
    'a sum of planned rows where nothing is planned',
    settings('windows:', '  - { id: w, action: [shop.refund], over: 1d, per: [lineage], sum: plan.rows }'),
    "keyturn.yaml:10:68 'plan.rows' is not a whole number of shop.refund: plan.rows, plan.resources or args.NAME",
  ],
  [
    'a window that never forgets',
    settings('windows:', '  - { id: w, action: [postgres.execute], over: 32d, per: [lineage] }'),
    'keyturn.yaml:10:48 a window looks back 31 days at most',
  ],
  [
    'a window per something else',
    settings('windows:', '  - { id: w, action: [postgres.execute], over: 1d, per: [agent] }'),
    "keyturn.yaml:10:58 'agent' is not one of lineage, action, target",
  ],
];

describe.each([
  ['conditions', CONDITIONS],
  ['conditions in every style of YAML', POSITIONS],
  ['rules about several actions', ACTIONS],
  ['risk and windows', SETTINGS],
])('a mistake in %s is refused at its place', (_, mistakes) => {
  it.each(mistakes)('%s', async (_what, changes, problem) => {
    expect(await problemsOf(changes)).toEqual([problem]);
  });
});
