import { describe, expect, it } from 'vitest';

import { calendarValues } from '../../domain/policy/built-in-facts.ts';
import { defaultCalendarOf } from '../../domain/policy/policy.ts';
import { policyOf, problemsOf, VALID, type Files } from './policy-folder.ts';

describe('the default calendar', () => {
  const week = `{ time_zone: Europe/Berlin, week: { mon-fri: ['09:00-17:00'] } }`;
  const settings = (...lines: readonly string[]): Files => ({
    'keyturn.yaml': `${VALID['keyturn.yaml']}${lines.join('\n')}\n`,
    'rules/z.yaml': '- { id: z, on: { action: [postgres.execute] }, effect: forbid, when: calendar.holiday }',
  });
  const both = ['calendars:', `  office: ${week}`, `  archive: ${week}`];

  it('is the only one, or the one that is named, never the first by the alphabet', async () => {
    expect(await problemsOf(settings(...both))).toEqual([
      'rules/z.yaml:1:70 when: which calendar? Name the default one in keyturn.yaml (calendar: archive), or read calendars.archive',
    ]);
    expect(defaultCalendarOf(await policyOf(settings('calendar: office', ...both)))?.id).toBe('office');
    expect(defaultCalendarOf(await policyOf(settings(...both.slice(0, 2))))?.id).toBe('office');
  });

  it('need not be named where nothing reads it', async () => {
    expect(await problemsOf({ ...settings(...both), 'rules/z.yaml': null })).toEqual([]);
  });

  it('is asked for by conditions of risk as well, and must exist', async () => {
    const line = 'risk: { lines: [{ weight: 1, because: x, when: calendar.holiday }] }';
    expect(await problemsOf({ ...settings(...both, line), 'rules/z.yaml': null })).toEqual([
      expect.stringContaining('when: which calendar?'),
    ]);
    expect(await problemsOf(settings('calendar: offise', ...both))).toEqual([
      "keyturn.yaml:9:11 unknown calendar 'offise', did you mean 'office'?",
    ]);
  });

  it('stays the first one in stored sets, which keep their digest', async () => {
    const named = await policyOf(settings('calendar: archive', ...both));
    expect(named).not.toHaveProperty('default_calendar');
    const other = await policyOf(settings('calendar: office', ...both));
    expect(other).toMatchObject({ default_calendar: 'office' });
    const facts = { action: 'a', target: { environment: 'prod' }, at: '2026-01-05T12:00:00.000Z' } as const;
    const values = calendarValues(other, facts as unknown as Parameters<typeof calendarValues>[1]);
    expect(values['calendar']).toBe((values['calendars'] as Record<string, unknown>)['office']);
  });
});
