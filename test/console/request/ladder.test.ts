import { describe, expect, it } from 'vitest';

import { handOverChoices, handOverNote, deferralChoices } from '../../../apps/console/request/deferral.ts';
import { laddersOf, nextInstant } from '../../../apps/console/request/ladder.ts';
import { requirement, shownRequest, stageProgress } from './shown.ts';

const OPENED = Date.parse('2026-12-01T03:00:00.000Z');
const MINUTE = 60_000;

function progressOf(stage: Parameters<typeof stageProgress>[0] = {}) {
  const { selectors, ladder, ...others } = stageProgress(stage);
  const stages = [{ ...others, selectors: [...selectors], ladder: [...ladder] }];
  return { rules: [{ rule: 'usual', stages }] };
}

describe('who is notified when', () => {
  it('is told by instants while a stage is open', () => {
    const [ladder] = laddersOf(requirement(), progressOf(), OPENED + 10 * MINUTE);
    expect(ladder).toMatchObject({
      isOpen: true,
      rungs: [
        { to: ['group:dba'], state: 'notified', atMs: OPENED },
        { to: ['group:dba-leads'], state: 'later', atMs: OPENED + 30 * MINUTE },
      ],
    });
  });

  it('does not call done what the server has not done', () => {
    const after = OPENED + 31 * MINUTE;
    expect(laddersOf(requirement(), progressOf(), after)[0]?.rungs[1]?.state).toBe('due');
    const both = progressOf({ selectors: ['group:dba', 'group:dba-leads'] });
    expect(laddersOf(requirement(), both, after)[0]?.rungs[1]?.state).toBe('notified');
  });

  it('has the instants of business time from the server, which knows the calendars', () => {
    const [rule] = requirement().rules;
    const clocked = requirement({ rules: rule ? [{ ...rule, clock: 'office' }] : [] });
    const monday = '2026-12-07T09:30:00.000Z';
    const ladder = [{ to: 'group:dba-leads', after_ms: 30 * MINUTE, at: monday }];
    expect(laddersOf(clocked, progressOf({ ladder }), OPENED)[0]?.rungs[1]).toMatchObject({
      atMs: Date.parse(monday),
      clock: 'office',
      state: 'later',
    });
    const view = { progress: progressOf({ ladder }), expires_at: null };
    expect(nextInstant(clocked, view, OPENED)).toMatchObject({ what: 'escalates', atMs: Date.parse(monday) });
  });

  it('names no instant where the calendar is not known that far, or the stage is not open', () => {
    const ladder = [{ to: 'group:dba-leads', after_ms: 30 * MINUTE, at: null }];
    expect(laddersOf(requirement(), progressOf({ ladder }), OPENED)[0]?.rungs[1]).toMatchObject({
      atMs: null,
    });
    expect(laddersOf(requirement(), progressOf({ opened_at: null }), OPENED)[0]).toMatchObject({
      isOpen: false,
      rungs: [{ state: 'later', atMs: null }, { atMs: null }],
    });
  });

  it('ends with the expiry, whatever comes first', () => {
    const view = { progress: progressOf(), expires_at: '2026-12-01T03:20:00.000Z' };
    expect(nextInstant(requirement(), view, OPENED)).toMatchObject({ what: 'expires' });
    expect(nextInstant(requirement(), { ...view, expires_at: null }, OPENED)).toMatchObject({
      what: 'escalates',
      to: ['group:dba-leads'],
    });
    const filled = { progress: progressOf({ filled: 1 }), expires_at: null };
    expect(nextInstant(requirement(), filled, OPENED)).toBeNull();
  });
});

describe('a deferral', () => {
  it('is offered until instants before the request expires', () => {
    const choices = deferralChoices(OPENED, '2026-12-01T04:30:00.000Z');
    expect(choices.map(({ label }) => label)).toEqual(['for 30 minutes', 'for 1 hour']);
    for (const { untilMs } of deferralChoices(OPENED, null)) expect(untilMs).toBeGreaterThan(OPENED);
  });

  it('hands over to those whom the request asks for, and says who cannot decide yet', () => {
    expect(handOverChoices(requirement())).toEqual(['group:dba', 'group:dba-leads']);
    const { request } = shownRequest({ request: { progress: progressOf() } });
    expect(handOverNote('group:dba', requirement(), request)).toBeNull();
    expect(handOverNote('group:dba-leads', requirement(), request)).toContain(
      'only after 30m without an answer',
    );
  });
});
