import { describe, expect, it } from 'vitest';

import { formatWarning } from '../../policy-files/compile.ts';
import { load, policyOf, problemsOf, VALID, type Files } from './policy-folder.ts';

const TABLES = `tables:
  sets:
    columns: { owners: selectors, note: text }
    rows:
      crm: { owners: group:dba, note: one }
      web: { owners: [user:olga, group:everyone], note: some }
`;

const ACTION = `action: data.export
schema_version: 1
title: Export
resource_type: data.warehouse
arguments:
  type: object
  properties: { dataset: { type: string }, rows: { type: integer } }
owners: { resolver: table, table: sets, column: owners, of: args.dataset, otherwise: group:everyone }
`;

const GOOD: Files = { 'keyturn.yaml': VALID['keyturn.yaml'] + TABLES, 'actions/export.yaml': ACTION };

/** The action with this in place of its owners, from column 9 of line 8 on. */
const saying = (owners: string): Files => ({
  ...GOOD,
  'actions/export.yaml': ACTION.replace(/^owners: .*$/mu, `owners: ${owners}`),
});

/** The table with these cells in the column of its only row, from column 22 of line 13 on. */
const holding = (owners: string): Files => ({
  'keyturn.yaml': `${VALID['keyturn.yaml']}tables:
  sets:
    columns: { owners: selectors }
    rows:
      crm: { owners: ${owners} }
`,
});

const lookup = (part: string): Files =>
  saying(`{ resolver: table, ${part}, of: args.dataset, otherwise: group:dba }`);

describe('owners of an action', () => {
  it('are compiled, and a column of selectors always holds a list', async () => {
    const policy = await policyOf(GOOD);
    expect(policy.tables?.[0]).toEqual({
      id: 'sets',
      columns: { owners: 'selectors', note: 'text' },
      rows: {
        crm: { owners: ['group:dba'], note: 'one' },
        web: { owners: ['user:olga', 'group:everyone'], note: 'some' },
      },
    });
    expect(policy.actions.find(({ action }) => action === 'data.export')?.owners).toEqual({
      resolver: 'table',
      table: 'sets',
      column: 'owners',
      of: 'args.dataset',
      otherwise: 'group:everyone',
    });
    const target = await policyOf(saying('{ resolver: target, of: args.dataset, otherwise: user:olga }'));
    expect(target.actions.find(({ action }) => action === 'data.export')?.owners).toEqual({
      resolver: 'target',
      of: 'args.dataset',
      otherwise: 'user:olga',
    });
  });

  it('are absent where none are declared, so that an older set keeps its digest', async () => {
    expect((await policyOf({})).actions.some((action) => 'owners' in action)).toBe(false);
  });

  it('are read by conditions as texts, once the row is known', async () => {
    const facts = `${ACTION}facts: { set: { resolver: table, table: sets, of: args.dataset } }\n`;
    const when = 'has(facts.set) && facts.set.known && "group:dba" in facts.set.owners';
    const rule = `- id: r\n  on: { action: [data.export] }\n  effect: forbid\n  when: '${when}'\n`;
    expect(await problemsOf({ ...GOOD, 'actions/export.yaml': facts, 'rules/r.yaml': rule })).toEqual([]);
  });

  it('are warned about where a row has nobody who may decide', async () => {
    const target =
      'id: lake\ntitle: Lake\nresource_type: data.warehouse\nenvironment: prod\nowners: [group:dba]\n';
    const directory = `${VALID['directory.yaml']}  - { id: nobody, members: [] }\n`;
    const empty = TABLES.replace('group:dba, note', 'group:nobody, note');
    const result = await load({
      ...GOOD,
      'keyturn.yaml': VALID['keyturn.yaml'] + empty,
      'targets/lake.yaml': target,
      'directory.yaml': directory,
    });
    const seats = result.ok ? result.warnings.filter(({ code }) => code === 'seats_unfilled') : [];
    expect(seats.map(formatWarning)).toEqual([
      expect.stringMatching(/seats_unfilled.*owners has nobody now.*\(on 'crm'\)/u),
    ]);
  });
});

describe('a mistake in owners is refused at its place', () => {
  it.each<[what: string, changes: Files, problem: string]>([
    [
      'an unknown resolver',
      saying('{ resolver: identity, of: args.dataset, otherwise: group:dba }'),
      "actions/export.yaml:8:21 'identity' is not one of table, target",
    ],
    [
      'nothing for what is not known',
      saying('{ resolver: target, of: args.dataset }'),
      "actions/export.yaml:8:9 missing 'otherwise'",
    ],
    [
      'an owner of what is not known that is itself looked up',
      saying('{ resolver: target, of: args.dataset, otherwise: owners }'),
      "actions/export.yaml:8:58 'owners' cannot be used here: name a group:, user: or oncall:",
    ],
    [
      'an unknown group for what is not known',
      saying('{ resolver: target, of: args.dataset, otherwise: group:dbaa }'),
      "actions/export.yaml:8:58 unknown group 'dbaa', did you mean 'dba'?",
    ],
    [
      'no argument',
      saying('{ resolver: target, otherwise: group:dba }'),
      "actions/export.yaml:8:9 missing 'of'",
    ],
    [
      'an argument that the action lacks',
      saying('{ resolver: target, of: args.dataste, otherwise: group:dba }'),
      "actions/export.yaml:8:33 'args.dataste' is not a text argument of data.export, did you mean 'args.dataset'?",
    ],
    [
      'an argument that is no text',
      saying('{ resolver: target, of: args.rows, otherwise: group:dba }'),
      "actions/export.yaml:8:33 'args.rows' is not a text argument of data.export",
    ],
    [
      'a table that nothing is looked up in',
      saying('{ resolver: target, table: sets, of: args.dataset, otherwise: group:dba }'),
      'actions/export.yaml:8:36 only the resolver table looks up a table, not target',
    ],
    [
      'a column that nothing is looked up in',
      saying('{ resolver: target, column: owners, of: args.dataset, otherwise: group:dba }'),
      'actions/export.yaml:8:37 only the resolver table looks up a table, not target',
    ],
    [
      'no table and no column',
      saying('{ resolver: table, of: args.dataset, otherwise: group:dba }'),
      "actions/export.yaml:8:9 missing 'table', 'column': where owners are looked up",
    ],
    [
      'no column',
      lookup('table: sets'),
      "actions/export.yaml:8:9 missing 'column': where owners are looked up",
    ],
    [
      'an unknown table',
      lookup('table: set, column: owners'),
      "actions/export.yaml:8:35 unknown table 'set', did you mean 'sets'?",
    ],
    [
      'a column that is no text',
      lookup('table: sets, column: 7'),
      'actions/export.yaml:8:49 expected text, found the number 7',
    ],
    [
      'an unknown column',
      lookup('table: sets, column: owner'),
      "actions/export.yaml:8:49 'owner' is not a column of selectors of the table 'sets', did you mean 'owners'?",
    ],
    [
      'a column of something else',
      lookup('table: sets, column: note'),
      "actions/export.yaml:8:49 'note' is not a column of selectors of the table 'sets'",
    ],
    [
      'an unknown key',
      saying('{ resolver: target, off: x, of: args.dataset, otherwise: group:dba }'),
      "actions/export.yaml:8:29 unknown key 'off', did you mean 'of'?",
    ],
    [
      'something that is no mapping',
      saying('group:dba'),
      'actions/export.yaml:8:9 expected a mapping, found text',
    ],
    [
      'a cell that is no selector',
      holding('dba'),
      "keyturn.yaml:13:22 'dba' is not a selector: owners, group:ID, user:ID or oncall:ID",
    ],
    [
      'a cell that says owners',
      holding('[group:dba, owners]'),
      "keyturn.yaml:13:34 'owners' cannot be used here: name a group:, user: or oncall:",
    ],
    [
      'a cell that names nobody known',
      holding('[user:olag]'),
      "keyturn.yaml:13:23 unknown person 'olag', did you mean 'olga'?",
    ],
    ['a cell without anybody', holding('[]'), 'keyturn.yaml:13:22 an empty list'],
    ['a cell that is no text', holding('7'), 'keyturn.yaml:13:22 expected text, found the number 7'],
    [
      'somebody twice in a cell',
      holding('[group:dba, group:dba]'),
      "keyturn.yaml:13:34 'group:dba' is listed twice",
    ],
  ])('%s', async (_what, changes, problem) => {
    expect(await problemsOf(changes)).toEqual([expect.stringContaining(problem)]);
  });
});
