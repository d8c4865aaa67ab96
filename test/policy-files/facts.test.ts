import { describe, expect, it } from 'vitest';

import { policyOf, problemsOf, VALID, type Files } from './policy-folder.ts';

const TABLES = `tables:
  depots:
    columns: { trusted: flag, kind: [internal, partner], limit: integer, note: text }
    rows:
      s3://corp: { trusted: true, kind: internal, limit: -3, note: ours }
      '42': { trusted: false, kind: partner, limit: 0, note: theirs }
`;

const ACTION = `action: data.export
schema_version: 1
title: Export
resource_type: data.warehouse
arguments:
  type: object
  required: [depot]
  properties: { depot: { type: string }, to: { type: string }, rows: { type: integer } }
facts:
  depot: { resolver: table, table: depots, of: args.depot }
  receiver: { resolver: identity, of: args.to }
  source: { resolver: target, of: args.to }
`;

const GOOD: Files = { 'keyturn.yaml': VALID['keyturn.yaml'] + TABLES, 'actions/export.yaml': ACTION };

/** The action with this line in place of the one that declares `place`, on line 10. */
const declaring = (line: string): Files => ({
  ...GOOD,
  'actions/export.yaml': ACTION.replace(/^ {2}depot: .*\n/mu, `  ${line}\n`).replace(
    /^ {2}(receiver|source).*\n/gmu,
    '',
  ),
});

/** The settings with these tables, from line 9 on. */
const holding = (...lines: readonly string[]): Files => ({
  'keyturn.yaml': `${VALID['keyturn.yaml']}tables:\n${lines.map((line) => `  ${line}\n`).join('')}`,
});

const withRule = (when: string): Files => ({
  ...GOOD,
  'rules/r.yaml': `- id: r\n  on: { action: [data.export] }\n  effect: forbid\n  when: ${when}\n`,
});

describe('facts of actions', () => {
  it('are compiled with the tables that they are looked up in', async () => {
    const policy = await policyOf({ ...GOOD, ...withRule('facts.depot.known && !facts.depot.trusted') });
    expect(policy.tables).toEqual([
      {
        id: 'depots',
        columns: { trusted: 'flag', kind: ['internal', 'partner'], limit: 'integer', note: 'text' },
        rows: {
          's3://corp': { trusted: true, kind: 'internal', limit: -3, note: 'ours' },
          '42': { trusted: false, kind: 'partner', limit: 0, note: 'theirs' },
        },
      },
    ]);
    expect(policy.actions.find(({ action }) => action === 'data.export')?.facts).toEqual({
      depot: { resolver: 'table', table: 'depots', of: 'args.depot' },
      receiver: { resolver: 'identity', of: 'args.to' },
      source: { resolver: 'target', of: 'args.to' },
    });
  });

  it('are absent where none is declared, so that an older set keeps its digest', async () => {
    const policy = await policyOf({});
    expect(policy).not.toHaveProperty('tables');
    expect(policy.actions.some((action) => 'facts' in action)).toBe(false);
  });
});

describe('a mistake in facts and tables is refused at its place', () => {
  it.each<[what: string, changes: Files, problem: string]>([
    [
      'an unknown resolver',
      declaring('depot: { resolver: group, of: args.depot }'),
      "actions/export.yaml:10:22 'group' is not one of identity, target, table",
    ],
    [
      'an unknown table',
      declaring('depot: { resolver: table, table: depot, of: args.depot }'),
      "actions/export.yaml:10:36 unknown table 'depot', did you mean 'depots'?",
    ],
    [
      'no table',
      declaring('depot: { resolver: table, of: args.depot }'),
      "actions/export.yaml:10:10 missing 'table': the one to look up",
    ],
    [
      'a table that nothing is looked up in',
      declaring('depot: { resolver: identity, table: depots, of: args.depot }'),
      'actions/export.yaml:10:39 only the resolver table looks up a table, not identity',
    ],
    [
      'an argument that the action lacks',
      declaring('depot: { resolver: identity, of: args.dapot }'),
      "actions/export.yaml:10:36 'args.dapot' is not a text argument of data.export, did you mean 'args.depot'?",
    ],
    [
      'an argument that is no text',
      declaring('depot: { resolver: identity, of: args.rows }'),
      "actions/export.yaml:10:36 'args.rows' is not a text argument of data.export",
    ],
    [
      'something else than an argument',
      declaring('depot: { resolver: identity, of: request.agent }'),
      "actions/export.yaml:10:36 'request.agent' is not a text argument of data.export",
    ],
    [
      'a name that no condition could write',
      declaring('the-depot: { resolver: identity, of: args.depot }'),
      "actions/export.yaml:10:3 'the-depot' is not a name: lower-case letters, digits and _, a letter first",
    ],
    [
      'an unknown key',
      declaring('depot: { resolver: identity, off: args.depot, of: args.depot }'),
      "actions/export.yaml:10:32 unknown key 'off', did you mean 'of'?",
    ],
    [
      'a column of another type',
      holding('t:', '  columns: { a: number }', '  rows: {}'),
      "keyturn.yaml:11:19 'number' is not a type of column: text, integer, flag, selectors, or a list of words",
    ],
    [
      'a column that is called known',
      holding('t:', '  columns: { known: flag }', '  rows: {}'),
      "keyturn.yaml:11:16 'known' says whether there is a row: call the column something else",
    ],
    [
      'a row without a column',
      holding('t:', '  columns: { a: flag, b: flag }', '  rows:', '    x: { a: true }'),
      "keyturn.yaml:13:10 missing 'b'",
    ],
    [
      'a row with another column',
      holding('t:', '  columns: { a: flag }', '  rows:', '    x: { a: true, c: 1 }'),
      "keyturn.yaml:13:21 unknown key 'c', did you mean 'a'?",
    ],
    [
      'a cell of another type',
      holding('t:', '  columns: { a: flag }', '  rows:', '    x: { a: 1 }'),
      'keyturn.yaml:13:15 expected true or false, found the number 1 (put it in quotes if text is meant)',
    ],
    [
      'a word that its column lacks',
      holding('t:', '  columns: { a: [gold, silver] }', '  rows:', '    x: { a: gould }'),
      "keyturn.yaml:13:15 'gould' is not one of gold, silver, did you mean 'gold'?",
    ],
    [
      'a row twice',
      holding('t:', '  columns: { a: flag }', '  rows:', '    x: { a: true }', '    x: { a: false }'),
      "keyturn.yaml:14:7 duplicate key 'x' (first at keyturn.yaml:13)",
    ],
    ['no rows', holding('t: { columns: { a: flag } }'), "keyturn.yaml:10:6 missing 'rows'"],
    [
      'a condition that does not ask whether it is known',
      withRule('facts.depot.trusted'),
      "rules/r.yaml:4:21 when: 'trusted' may be absent: test it first with facts.depot.known && …",
    ],
    [
      'a condition on facts of another action',
      {
        ...GOOD,
        'rules/r.yaml':
          '- id: r\n  on: { action: [postgres.execute] }\n  effect: forbid\n  when: facts.depot.known\n',
      },
      "rules/r.yaml:4:9 when: unknown variable 'facts'",
    ],
  ])('%s', async (_what, changes, problem) => {
    expect(await problemsOf(changes)).toEqual([expect.stringContaining(problem)]);
  });
});
