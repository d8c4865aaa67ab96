import { describe, expect, it } from 'vitest';

import { problemsOf, VALID, withLine, type Files, type Mistake } from './policy-folder.ts';

const ACTION = `${VALID['actions/sql.yaml']}    role: { enum: [viewer, admin] }
  required: [statement, role]
`;

const OTHER = `action: shop.refund
schema_version: 1
title: Refund
resource_type: postgres.database
arguments:
  type: object
  required: [statement, role]
  properties: { statement: { type: integer }, role: { type: integer } }
`;

/** A forbid rule with this condition, whose text begins at line 4, column 9. */
function when(condition: string, action = 'postgres.execute'): Files {
  return {
    'actions/sql.yaml': ACTION,
    'actions/other.yaml': OTHER,
    'rules/r.yaml': `- id: r\n  on: { action: [${action}] }\n  effect: forbid\n  when: ${condition}\n`,
  };
}

const WORDS: readonly Mistake[] = [
  [
    'a function that is not there',
    when('glub(resource.id, "a*")'),
    "rules/r.yaml:4:9 when: unknown function 'glub', did you mean 'glob'?",
  ],
  [
    'a method that is not there',
    when('args.statement.startWith("a")'),
    "rules/r.yaml:4:9 when: unknown function 'startWith', did you mean 'startsWith'?",
  ],
  [
    'a wrong word of an argument',
    when('args.role == "adminn"'),
    "rules/r.yaml:4:22 when: 'adminn' is not one of viewer, admin, did you mean 'admin'?",
  ],
  [
    'a wrong word in a list',
    when('args.role in ["viewer", "root"]'),
    "rules/r.yaml:4:33 when: 'root' is not one of viewer, admin",
  ],
  [
    'a wrong tier of risk',
    when('risk.tier == "hihg"'),
    "rules/r.yaml:4:22 when: 'hihg' is not one of low, medium, high, critical, did you mean 'high'?",
  ],
  [
    'a fact of another type in another action',
    when('args.statement == "a"', 'postgres.execute, shop.refund'),
    'rules/r.yaml:4:9 when: no such operation: int == string (for shop.refund)',
  ],
  [
    'a field of a field that has none',
    when('plan.rows.count > 1'),
    'rules/r.yaml:4:19 when: int has no fields',
  ],
];

const PROFILE: readonly Mistake[] = [
  [
    'dyn()',
    when('dyn(plan.rows) == 1'),
    'rules/r.yaml:4:9 when: dyn() is not allowed: it switches type checks off',
  ],
  [
    'a clock with a time zone',
    when('timestamp(args.statement) == plan.rows'),
    'rules/r.yaml:4:9 when: timestamp() is not allowed: use calendar facts, which know time zone and holidays',
  ],
  [
    'an hour of a text',
    when('args.statement.getHours("Europe/Berlin") > 17'),
    'rules/r.yaml:4:9 when: getHours() is not allowed: use calendar facts, which know time zone and holidays',
  ],
  [
    'one comprehension inside another',
    when('resource.tags.exists(t, resource.owners.exists(o, o == t))'),
    'rules/r.yaml:4:33 when: one comprehension inside another is not allowed',
  ],
  [
    'a list of 257',
    when(`plan.rows in [${Array.from({ length: 257 }, (_, one) => one).join(',')}]`),
    'rules/r.yaml:4:929 when: Exceeded maxAstNodes (256)',
  ],
  [
    '2,049 bytes in fewer characters',
    when(`resource.id == "${'é'.repeat(1017)}"`),
    'rules/r.yaml:4:9 when: the condition is longer than 2048 bytes',
  ],
  [
    'deep nesting',
    when(`${'('.repeat(60)}plan.rows > 1${')'.repeat(60)}`),
    'rules/r.yaml:4:57 when: Exceeded maxDepth (48)',
  ],
  [
    'too many parts',
    when(Array.from({ length: 100 }, () => 'plan.rows>1').join('||')),
    'rules/r.yaml:4:682 when: Exceeded maxAstNodes (256)',
  ],
  [
    'optional access',
    when('args.?statement == "a"'),
    'rules/r.yaml:4:14 when: Expected IDENTIFIER, got QUESTION',
  ],
  ['a map', when(`'{"a": plan.rows}.size() == 1'`), 'rules/r.yaml:4:10 when: maps cannot be written here'],
  [
    'a pattern from a fact',
    when('re2(args.statement, resource.id)'),
    'rules/r.yaml:4:29 when: the pattern must be a literal string',
  ],
  [
    'a glob that is none',
    when('glob(resource.id, "a[")'),
    'rules/r.yaml:4:27 when: [ has no meaning in a glob: only *, ** and ? have',
  ],
  [
    'a network that is none',
    when('cidr(args.statement, "10.0.0.0/33")'),
    'rules/r.yaml:4:30 when: the prefix must be a number from 0 to 32',
  ],
  [
    'a pattern that grows too large',
    when(`re2(resource.id, '(a{1,100}){1,10}')`),
    'rules/r.yaml:4:26 when: the pattern needs 2021 instructions, more than 500',
  ],
];

const NAMES: readonly Mistake[] = [
  [
    'an unknown target',
    withLine('rules/sql.yaml', 3, '    on: { action: [postgres.execute], target: [shp] }'),
    "rules/sql.yaml:3:48 unknown target 'shp', did you mean 'shop'?",
  ],
  [
    'two agents of one id',
    withLine(
      'directory.yaml',
      7,
      '  - { id: billing, issuer: demo, subject: a, owner: ada }\n  - { id: billing, issuer: demo, subject: b, owner: ada }',
    ),
    "directory.yaml:8:11 duplicate agent 'billing' (first at directory.yaml:7)",
  ],
  [
    'two windows of one id',
    {
      'keyturn.yaml': `${VALID['keyturn.yaml']}windows:
  - { id: w, action: [postgres.execute], over: 1d, per: [lineage] }
  - { id: w, action: [postgres.execute], over: 2d, per: [lineage] }
`,
    },
    "keyturn.yaml:11:11 duplicate window 'w' (first at keyturn.yaml:10)",
  ],
  [
    'a window of an unknown action',
    {
      'keyturn.yaml': `${VALID['keyturn.yaml']}windows:\n  - { id: w, action: [postgres.run], over: 1d, per: [lineage] }\n`,
    },
    "keyturn.yaml:10:23 unknown action 'postgres.run'",
  ],
  [
    'an unknown key in keyturn.yaml',
    { 'keyturn.yaml': `${VALID['keyturn.yaml']}freeze: []\n` },
    "keyturn.yaml:9:1 unknown key 'freeze', did you mean 'freezes'?",
  ],
  [
    'an unknown key in directory.yaml',
    { 'directory.yaml': `${VALID['directory.yaml']}persons: []\n` },
    "directory.yaml:11:1 unknown key 'persons'",
  ],
  [
    'an unknown key of an action',
    { 'actions/sql.yaml': `${VALID['actions/sql.yaml']}argument: {}\n` },
    "actions/sql.yaml:10:1 unknown key 'argument', did you mean 'arguments'?",
  ],
  [
    'an unknown key of a target',
    { 'targets/shop.yaml': `${VALID['targets/shop.yaml']}tag: [a]\n` },
    "targets/shop.yaml:9:1 unknown key 'tag', did you mean 'tags'?",
  ],
  [
    'an unknown key of a stage',
    withLine('rules/sql.yaml', 6, '      stages: [{ any: [group:dba], quorom: 1, quorum: 1 }]'),
    "rules/sql.yaml:6:36 unknown key 'quorom', did you mean 'quorum'?",
  ],
  [
    'an unknown key of a rotation',
    { 'keyturn.yaml': `${VALID['keyturn.yaml']}selectors: { oncal: {} }\n` },
    "keyturn.yaml:9:14 unknown key 'oncal', did you mean 'oncall'?",
  ],
];

describe.each([
  ['the words of a condition', WORDS],
  ['the profile of conditions', PROFILE],
  ['names and keys', NAMES],
])('a mistake in %s is refused at its place', (_, mistakes) => {
  it.each(mistakes)('%s', async (_what, changes, problem) => {
    expect(await problemsOf(changes)).toEqual([problem]);
  });
});
