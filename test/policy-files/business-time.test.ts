import { describe, expect, it } from 'vitest';

import { policyOf, problemsOf, VALID, withLine, type Files, type Mistake } from './policy-folder.ts';

/** The valid settings with a calendar. */
const WITH_OFFICE = {
  'keyturn.yaml': `${VALID['keyturn.yaml']}calendars:
  office: { time_zone: Europe/Berlin, week: { mon-fri: [09:00-17:30] } }
`,
};

/** The rule of the valid policy with a clock, on line 7. */
const clocked = (clock: string): Files =>
  withLine('rules/sql.yaml', 6, `      stages: [{ any: [group:dba], quorum: 1 }]\n      clock: ${clock}`);

describe('a clock of a requirement', () => {
  it('is a calendar, of a rule or of the default, and is not inherited', async () => {
    const rule = await policyOf({ ...WITH_OFFICE, ...clocked('office') });
    expect(rule.rules[0]?.require?.clock).toBe('office');
    expect(rule.defaults.require).not.toHaveProperty('clock');
    const { 'keyturn.yaml': text } = WITH_OFFICE;
    const ofDefault = {
      'keyturn.yaml': text.replace('expires: 8h', 'expires: 8h\n    clock: office'),
    };
    const settings = await policyOf(ofDefault);
    expect(settings.defaults.require.clock).toBe('office');
    expect(settings.rules[0]?.require).not.toHaveProperty('clock');
  });

  it.each<Mistake>([
    [
      'a calendar that nothing declares',
      { ...WITH_OFFICE, ...clocked('ofice') },
      "rules/sql.yaml:7:14 unknown calendar 'ofice', did you mean 'office'?",
    ],
    ['a calendar where there are none', clocked('office'), "rules/sql.yaml:7:14 unknown calendar 'office'"],
    [
      'several',
      { ...WITH_OFFICE, ...clocked('[office]') },
      'rules/sql.yaml:7:14 expected text, found a list',
    ],
  ])('cannot be %s', async (_what, files, problem) => {
    expect(await problemsOf(files)).toEqual([problem]);
  });
});
