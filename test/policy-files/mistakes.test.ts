import { describe, expect, it } from 'vitest';

import { problemsOf, VALID, withLine, type Files, type Mistake } from './policy-folder.ts';

/** The valid rule with the lines after its effect replaced. */
function rule(...lines: readonly string[]): Files {
  const head = ['- id: r', '  on: { action: [postgres.execute] }', ...lines.map((line) => `  ${line}`)];
  return { 'rules/r.yaml': head.join('\n') };
}

/** A review rule whose `require` holds these lines, the first of them on line 5. */
function requiring(...lines: readonly string[]): Files {
  return rule('effect: review', 'require:', ...lines.map((line) => `  ${line}`));
}

const STAGES = 'stages: [{ any: [owners], quorum: 1 }]';

const SYNTAX: readonly Mistake[] = [
  [
    'YAML that does not parse',
    { 'rules/r.yaml': '- id: r\n  on: { action: [a\n' },
    'rules/r.yaml:3:1 YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'tabs',
    { 'rules/r.yaml': 'rules:\n\t- id: r' },
    'rules/r.yaml:2:1 YAML: Tabs are not allowed as indentation',
  ],
  [
    'a second document',
    { 'rules/r.yaml': '[]\n---\n[]' },
    'rules/r.yaml:2:1 YAML: Source contains multiple documents; please use YAML.parseAllDocuments()',
  ],
  [
    'a duplicate key',
    rule('effect: forbid', 'effect: allow'),
    "rules/r.yaml:4:3 duplicate key 'effect' (first at rules/r.yaml:3)",
  ],
  [
    'a duplicate key inside a schema',
    withLine('actions/sql.yaml', 9, '    statement: { type: string, type: number }'),
    "actions/sql.yaml:9:32 duplicate key 'type' (first at actions/sql.yaml:9)",
  ],
  [
    'an alias',
    rule('effect: forbid', 'because: *x'),
    'rules/r.yaml:4:12 aliases are not allowed: write the value out',
  ],
  ['an anchor', rule('effect: &x forbid'), 'rules/r.yaml:3:14 anchors are not allowed'],
  ['a tag', rule('effect: !!str forbid'), 'rules/r.yaml:3:17 tags are not allowed'],
  [
    'an unknown tag',
    rule('effect: !secret forbid'),
    'rules/r.yaml:3:11 YAML: Unresolved tag: !secret (a text that begins with ! needs quotes)',
  ],
  [
    'a merge key',
    rule('effect: forbid', '<<: { because: x }'),
    "rules/r.yaml:4:3 the key '<<' is not allowed",
  ],
  [
    'the key __proto__',
    rule('effect: forbid', '__proto__: { isAdmin: true }'),
    "rules/r.yaml:4:3 the key '__proto__' is not allowed",
  ],
  [
    'the key constructor inside a connection',
    withLine('targets/shop.yaml', 8, '  constructor: x'),
    "targets/shop.yaml:8:3 the key 'constructor' is not allowed",
  ],
  ['a key that is no text', rule('effect: forbid', '1: x'), 'rules/r.yaml:4:3 a key must be text'],
  [
    'a lone surrogate',
    rule('effect: forbid', 'because: "\\ud800"'),
    'rules/r.yaml:4:12 holds a lone surrogate',
  ],
  [
    'a number that loses digits',
    withLine('actions/sql.yaml', 9, '    rows: { maximum: 9007199254740993 }'),
    'actions/sql.yaml:9:22 an integer beyond 2^53-1 would lose digits: write it as text',
  ],
  [
    'a number that would become another',
    withLine('actions/sql.yaml', 9, '    share: { maximum: 1.00000000000000000001 }'),
    'actions/sql.yaml:9:23 would become 1: write that, or the number as text',
  ],
  [
    'a number that is none',
    withLine('actions/sql.yaml', 2, 'schema_version: .nan'),
    'actions/sql.yaml:2:17 not a finite number',
  ],
  [
    'nesting without end',
    { 'rules/r.yaml': '['.repeat(40) + ']'.repeat(40) },
    'rules/r.yaml:1:34 nested deeper than 32',
  ],
  [
    'a right-to-left mark',
    rule('effect: forbid', 'because: "a\u202Eb"'),
    'rules/r.yaml:4:12 holds control or invisible characters',
  ],
];

const KEYS_AND_TYPES: readonly Mistake[] = [
  [
    'a key that no version knows',
    rule('effect: forbid', 'becuase: x'),
    "rules/r.yaml:4:3 unknown key 'becuase', did you mean 'because'?",
  ],
  [
    'a key that every object has',
    rule('effect: forbid', 'toString: x'),
    "rules/r.yaml:4:3 unknown key 'toString'",
  ],
  [
    'a key without a likeness',
    rule('effect: forbid', 'calendar: x'),
    "rules/r.yaml:4:3 unknown key 'calendar'",
  ],
  [
    'a condition on facts that do not exist',
    rule('when: args.rows > 1', 'effect: forbid'),
    "rules/r.yaml:3:14 when: unknown field 'rows'",
  ],
  ['a suggestion', rule('effect: forbid', 'suggest: true'), "rules/r.yaml:4:3 unknown key 'suggest'"],
  [
    'a condition on reviewers that reads nothing of them',
    requiring(STAGES, 'reviewer: { when: "true" }'),
    'rules/r.yaml:6:24 when: the condition reads no fact: it never changes',
  ],
  [
    'a second factor',
    requiring(STAGES, 'reviewer: { second_factor: 15m }'),
    'rules/r.yaml:6:17 second_factor: not supported by this version',
  ],
  ['a missing key', rule('because: x'), "rules/r.yaml:1:3 missing 'effect'"],
  ['missing keys', { 'rules/r.yaml': '- id: r' }, "rules/r.yaml:1:3 missing 'on', 'effect'"],
  ['a word instead of a rule', { 'rules/r.yaml': '- r' }, 'rules/r.yaml:1:3 expected a mapping, found text'],
  [
    'a rule instead of a list',
    { 'rules/r.yaml': 'rules: { id: r }' },
    'rules/r.yaml:1:8 expected a list, found a mapping',
  ],
  [
    'a word instead of a list',
    { 'rules/r.yaml': '- { id: r, on: { action: postgres.execute }, effect: forbid }' },
    'rules/r.yaml:1:26 expected a list, found text',
  ],
  [
    'a number as text',
    rule('effect: forbid', 'because: 1'),
    'rules/r.yaml:4:12 expected text, found the number 1 (put it in quotes if text is meant)',
  ],
  ['nothing as text', rule('effect: forbid', 'because:'), 'rules/r.yaml:4:11 expected text, found nothing'],
  ['empty text', rule('effect: forbid', 'because: " "'), 'rules/r.yaml:4:12 empty text'],
  [
    'overlong text',
    rule('effect: forbid', `because: ${'x'.repeat(501)}`),
    'rules/r.yaml:4:12 longer than 500 characters',
  ],
  [
    'text as a flag',
    rule('effect: review', `require: { ${STAGES} }`, 'replaces_default: yes'),
    'rules/r.yaml:5:21 expected true or false, found text',
  ],
  [
    'another version',
    withLine('keyturn.yaml', 1, 'version: keyturn/v2'),
    "keyturn.yaml:1:10 'keyturn/v2' is not a known version: write keyturn/v1",
  ],
  [
    'another version in a file of rules',
    { 'rules/r.yaml': 'version: v1\nrules: []' },
    "rules/r.yaml:1:10 'v1' is not a known version: write keyturn/v1",
  ],
  [
    'a variable outside the issuers',
    rule('effect: forbid', 'because: ${HOME}'),
    'rules/r.yaml:4:12 ${…} is replaced only in the issuers of directory.yaml',
  ],
];

const RULES: readonly Mistake[] = [
  [
    'two rules of one id',
    { 'rules/t.yaml': VALID['rules/sql.yaml'] },
    "rules/t.yaml:2:9 duplicate rule 'sql' (first at rules/sql.yaml:2)",
  ],
  [
    'the id of the default',
    { 'rules/r.yaml': '- { id: default, on: { action: [postgres.execute] }, effect: forbid }' },
    "rules/r.yaml:1:9 'default' is the name of the default requirement",
  ],
  [
    'an id with capitals',
    withLine('rules/sql.yaml', 2, '  - id: SQL'),
    "rules/sql.yaml:2:9 'SQL' is not a name: lower-case letters, digits, and . _ - inside",
  ],
  [
    'an unknown action',
    withLine('rules/sql.yaml', 3, '    on: { action: [postgres.exceute], env: [prod] }'),
    "rules/sql.yaml:3:20 unknown action 'postgres.exceute', did you mean 'postgres.execute'?",
  ],
  [
    'an unknown environment',
    withLine('rules/sql.yaml', 3, '    on: { action: [postgres.execute], env: [prodd] }'),
    "rules/sql.yaml:3:45 unknown environment 'prodd', did you mean 'prod'?",
  ],
  [
    'no action',
    withLine('rules/sql.yaml', 3, '    on: { action: [], env: [prod] }'),
    'rules/sql.yaml:3:19 an empty list',
  ],
  [
    'no environment',
    withLine('rules/sql.yaml', 3, '    on: { action: [postgres.execute], env: [] }'),
    'rules/sql.yaml:3:44 an empty list',
  ],
  [
    'an environment twice',
    withLine('rules/sql.yaml', 3, '    on: { action: [postgres.execute], env: [prod, prod] }'),
    "rules/sql.yaml:3:51 'prod' is listed twice",
  ],
  ['an unknown effect', rule('effect: deny'), "rules/r.yaml:3:11 'deny' is not one of review, forbid, allow"],
  [
    'a review that asks nobody',
    rule('effect: review'),
    "rules/r.yaml:3:11 a review rule needs reviewers: missing 'require'",
  ],
  [
    'a forbid that asks somebody',
    rule('effect: forbid', `require: { ${STAGES} }`),
    'rules/r.yaml:4:12 a rule with effect forbid has no reviewers: remove require',
  ],
  [
    'an allow that asks somebody',
    {
      'rules/r.yaml': `- { id: r, on: { action: [postgres.execute], env: [staging] }, effect: allow, require: { ${STAGES} } }`,
    },
    'rules/r.yaml:1:88 a rule with effect allow has no reviewers: remove require',
  ],
  [
    'an allow on production',
    {
      'rules/r.yaml': '- { id: r, on: { action: [postgres.execute], env: [staging, prod] }, effect: allow }',
    },
    "rules/r.yaml:1:78 an allow on 'prod' needs a condition (when)",
  ],
  [
    'an allow everywhere, and so on production',
    rule('effect: allow'),
    "rules/r.yaml:3:11 an allow on 'prod' needs a condition (when)",
  ],
  [
    'a time of validity where nothing is allowed',
    rule('effect: forbid', 'valid_for: 5m'),
    'rules/r.yaml:4:14 only an allow rule has valid_for',
  ],
  [
    'an answer that would be valid for too long',
    {
      'rules/r.yaml':
        '- { id: r, on: { action: [postgres.execute], env: [staging] }, effect: allow, valid_for: 25h }',
    },
    'rules/r.yaml:1:90 an answer can be valid for 24h at most',
  ],
  [
    'a forbid that replaces the default',
    rule('effect: forbid', 'replaces_default: true'),
    'rules/r.yaml:4:21 only a review rule can replace the default requirement',
  ],
  [
    'reviewers outside require',
    rule('effect: forbid', 'reviewer: { reason: required }'),
    'rules/r.yaml:4:3 reviewer: belongs inside require',
  ],
];

const REQUIREMENTS: readonly Mistake[] = [
  ['no stages', requiring('expires: 4h'), "rules/r.yaml:5:5 missing 'stages'"],
  ['an empty list of stages', requiring('stages: []'), 'rules/r.yaml:5:13 an empty list'],
  [
    'an empty list of selectors',
    requiring('stages: [{ any: [], quorum: 1 }]'),
    'rules/r.yaml:5:21 an empty list',
  ],
  [
    'a selector of no known kind',
    requiring('stages: [{ any: ["oncal:sre"], quorum: 1 }]'),
    "rules/r.yaml:5:22 'oncal:sre' is not a selector: owners, group:ID, user:ID or oncall:ID",
  ],
  [
    'an unknown rotation',
    requiring('stages: [{ any: ["oncall:sre"], quorum: 1 }]'),
    "rules/r.yaml:5:22 unknown rotation 'sre'",
  ],
  [
    'a bare name as selector',
    requiring('stages: [{ any: [dba], quorum: 1 }]'),
    "rules/r.yaml:5:22 'dba' is not a selector: owners, group:ID, user:ID or oncall:ID",
  ],
  [
    'an unknown group',
    requiring('stages: [{ any: ["group:dbas"], quorum: 1 }]'),
    "rules/r.yaml:5:22 unknown group 'dbas', did you mean 'dba'?",
  ],
  [
    'an unknown person',
    requiring('stages: [{ any: ["user:nobody"], quorum: 1 }]'),
    "rules/r.yaml:5:22 unknown person 'nobody'",
  ],
  [
    'an agent as reviewer',
    requiring('stages: [{ any: ["user:billing"], quorum: 1 }]'),
    "rules/r.yaml:5:22 unknown person 'billing'",
  ],
  ['no quorum', requiring('stages: [{ any: [owners] }]'), "rules/r.yaml:5:14 missing 'quorum'"],
  ...['0', '-1', '1.5', '21'].map((quorum): Mistake => [
    `a quorum of ${quorum}`,
    requiring(`stages: [{ any: [owners], quorum: ${quorum} }]`),
    `rules/r.yaml:5:39 ${quorum} is not a whole number from 1 to 20`,
  ]),
  [
    'a quorum in words',
    requiring('stages: [{ any: [owners], quorum: "2" }]'),
    'rules/r.yaml:5:39 expected a whole number, found text',
  ],
  [
    'an escalation at the expiry',
    requiring(
      'expires: 4h',
      'stages: [{ any: [owners], quorum: 1, escalate: [{ after: 240m, to: "group:dba" }] }]',
    ),
    'rules/r.yaml:6:62 escalates only when the request has already expired',
  ],
  [
    'an escalation after the expiry of the default',
    requiring('stages: [{ any: [owners], quorum: 1, escalate: [{ after: 9h, to: "group:dba" }] }]'),
    'rules/r.yaml:5:62 escalates only when the request has already expired',
  ],
  [
    'an escalation to nobody',
    requiring('stages: [{ any: [owners], quorum: 1, escalate: [{ after: 1h }] }]'),
    "rules/r.yaml:5:53 missing 'to'",
  ],
  [
    'an escalation to an unknown group',
    requiring('stages: [{ any: [owners], quorum: 1, escalate: [{ after: 1h, to: "group:leads" }] }]'),
    "rules/r.yaml:5:70 unknown group 'leads'",
  ],
  [
    'an approval by silence',
    requiring(STAGES, 'on_expiry: allow'),
    'rules/r.yaml:6:16 on_expiry can only be deny: silence never approves',
  ],
  [
    'an unknown order',
    requiring(STAGES, 'order: sequentially'),
    "rules/r.yaml:6:12 'sequentially' is not one of parallel, sequential, did you mean 'sequential'?",
  ],
  [
    'no evidence as enough',
    requiring(STAGES, 'minimum_grade: D'),
    "rules/r.yaml:6:20 'D' is not one of A, B, C, did you mean 'A'?",
  ],
  [
    'a reason that is neither',
    requiring(STAGES, 'reviewer: { reason: maybe }'),
    "rules/r.yaml:6:25 'maybe' is not one of optional, required",
  ],
  ...['4 h', '0m', '-5m', '1.5h', '4', '4H', 'PT', 'P1M', 'P1W', 'P1DT', 'forever', '367d', '1h30m'].map(
    (duration): Mistake => [
      `the duration ${duration}`,
      requiring(STAGES, `expires: "${duration}"`),
      `rules/r.yaml:6:14 '${duration}' is not a duration: 90s, 15m, 4h, 2d or PT15M, more than zero, up to a year`,
    ],
  ),
  [
    'a duration in numbers',
    requiring(STAGES, 'maximum_age: 60'),
    'rules/r.yaml:6:18 expected text, found the number 60 (put it in quotes if text is meant)',
  ],
];

describe.each([
  ['syntax', SYNTAX],
  ['keys and types', KEYS_AND_TYPES],
  ['rules', RULES],
  ['requirements', REQUIREMENTS],
])('a mistake in %s is refused at its place', (_, mistakes) => {
  it.each(mistakes)('%s', async (_what, changes, problem) => {
    expect(await problemsOf(changes)).toEqual([problem]);
  });
});
