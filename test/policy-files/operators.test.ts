import { describe, expect, it } from 'vitest';

import { policyOf, problemsOf, VALID, type Files } from './policy-folder.ts';

/** The valid settings with these lines after them; the first is on line 9. */
function settings(...lines: readonly string[]): Files {
  return { 'keyturn.yaml': [VALID['keyturn.yaml'].trimEnd(), ...lines, ''].join('\n') };
}

const LINE = VALID['keyturn.yaml'].trimEnd().split('\n').length + 1;

function at(column: number, message: string): readonly string[] {
  return [`keyturn.yaml:${LINE}:${column} ${message}`];
}

const TOO_FEW = 'fewer than 2 active people: a kill switch could be thrown, but not lifted';

describe('operators', () => {
  it('are the selectors that the settings name', async () => {
    const { operators } = await policyOf(settings('operators: [group:dba, user:ada]'));
    expect(operators).toEqual(['group:dba', 'user:ada']);
  });

  it('may be left out: the set then has the digest from before there were any', async () => {
    expect(await policyOf({})).not.toHaveProperty('operators');
  });

  it('count with the groups inside of a group', async () => {
    expect(await problemsOf(settings('operators: [group:everyone]'))).toEqual([]);
  });

  it.each<[string, readonly string[]]>([
    ['[group:dba]', at(12, TOO_FEW)],
    ['[group:dba, user:olga]', at(12, TOO_FEW)],
    ['[]', at(12, 'an empty list')],
    ['group:dba', at(12, 'expected a list, found text')],
    ['[group:dbas, user:ada]', [...at(12, TOO_FEW), ...at(13, "unknown group 'dbas', did you mean 'dba'?")]],
    [
      '[owners, user:ada, user:olga]',
      at(13, "'owners' cannot be used here: name a group:, user: or oncall:"),
    ],
    [
      '[user:ada, user:olga, oncall:sre]',
      at(34, 'operators are named by group: or user:, not by who is on call'),
    ],
    ['[user:ada, user:olga, user:ada]', at(34, "'user:ada' is listed twice")],
    ['[ada, olga]', at(13, "'ada' is not a selector: owners, group:ID, user:ID or oncall:ID")],
  ])('%s', async (text, problems) => {
    expect((await problemsOf(settings(`operators: ${text}`))).slice(0, problems.length)).toEqual(problems);
  });

  it('who are deactivated do not count', async () => {
    const directory = VALID['directory.yaml'].replace('id: ada,', 'id: ada, active: false,');
    const files = { ...settings('operators: [user:ada, user:olga]'), 'directory.yaml': directory };
    expect(await problemsOf(files)).toEqual(at(12, TOO_FEW));
  });

  it('are not missed in a directory that cannot be read', async () => {
    const files = { ...settings('operators: [group:dba, user:ada]'), 'directory.yaml': 'people: [\n' };
    expect((await problemsOf(files)).filter((line) => line.includes('fewer'))).toEqual([]);
  });
});

describe('auditors', () => {
  it('are the selectors that the settings name: one is enough', async () => {
    const { auditors } = await policyOf(settings('auditors: [user:ada]'));
    expect(auditors).toEqual(['user:ada']);
  });

  it('may be left out: the set then has the digest from before there were any', async () => {
    expect(await policyOf({})).not.toHaveProperty('auditors');
  });

  it.each<[string, readonly string[]]>([
    ['[group:dbas]', at(12, "unknown group 'dbas', did you mean 'dba'?")],
    ['[oncall:sre]', at(12, 'auditors are named by group: or user:, not by who is on call')],
    ['[owners]', at(12, "'owners' cannot be used here: name a group:, user: or oncall:")],
  ])('%s', async (text, problems) => {
    expect(await problemsOf(settings(`auditors: ${text}`))).toEqual(problems);
  });
});
