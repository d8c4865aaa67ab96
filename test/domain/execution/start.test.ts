import { describe, expect, it } from 'vitest';

import { isStartWindowEnd, startEnd, startOf } from '../../../domain/execution/start.ts';
import { startBodySchema } from '../../../contract/requests.ts';
import { FACTS, minutes, policyOf } from '../examples.ts';

const NORMAL = { is_break_glass: false };
const freeze = (from: number, to: number) => ({
  id: `freeze-${from}`,
  title: 'Freeze',
  from: minutes(from),
  to: minutes(to),
  environments: ['prod'],
  actions: null,
});
const policy = policyOf([], { freezes: [freeze(10, 20), freeze(20, 30)] });
const at = (minute: number) => ({ ...FACTS, at: minutes(minute) });

describe('an approved request', () => {
  it('starts at once where nothing holds it', () => {
    expect(startOf({ policy, facts: at(9), evaluation: NORMAL }, {})).toBeNull();
    expect(startOf({ policy, facts: at(30), evaluation: NORMAL }, {})).toBeNull();
  });

  it('is held by a freeze until the last one that follows without a gap ends', () => {
    for (const minute of [10, 19, 20, 29])
      expect(startOf({ policy, facts: at(minute), evaluation: NORMAL }, {})).toEqual({
        until: minutes(30),
        why: 'freeze',
      });
  });

  it('is held by a freeze no longer than its start window lasts: then it is over', () => {
    const held = (not_after: number) =>
      startOf(
        { policy, facts: at(15), evaluation: NORMAL },
        { start: { not_before: null, not_after: minutes(not_after) } },
      );
    expect(held(25)).toEqual({ until: minutes(25), why: 'freeze' });
    expect(held(35)).toEqual({ until: minutes(30), why: 'freeze' });
    expect(held(15)).toBe('over');
  });

  it('that came by a break-glass path passes a freeze, not its own start window', () => {
    const evaluation = { is_break_glass: true };
    expect(startOf({ policy, facts: at(15), evaluation }, {})).toBeNull();
    const start = { not_before: minutes(16), not_after: null };
    expect(startOf({ policy, facts: at(15), evaluation }, { start })).toEqual({
      until: minutes(16),
      why: 'start_window',
    });
  });

  it('starts from not_before on, and never from not_after on', () => {
    const start = { not_before: minutes(2), not_after: minutes(4) };
    const asked = (minute: number) => startOf({ policy, facts: at(minute), evaluation: NORMAL }, { start });
    expect([asked(1), asked(2), asked(3), asked(4)]).toEqual([
      { until: minutes(2), why: 'start_window' },
      null,
      null,
      'over',
    ]);
  });

  it('compares instants, not texts', () => {
    const start = { not_before: '+010000-01-01T11:59:59.000Z', not_after: null };
    expect(startOf({ policy, facts: at(1), evaluation: NORMAL }, { start })).not.toBeNull();
    const over = { not_before: null, not_after: '+010000-01-01T11:59:59.000Z' };
    expect(startOf({ policy, facts: at(1), evaluation: NORMAL }, { start: over })).toBeNull();
  });

  it('may start until a freeze begins or its start window ends, whichever comes first', () => {
    const end = (minute: number, not_after: number | null, evaluation = NORMAL) =>
      startEnd(
        { policy, facts: at(minute), evaluation },
        { start: { not_before: null, not_after: not_after === null ? null : minutes(not_after) } },
      );
    expect(end(5, null)).toBe(minutes(10));
    expect(end(5, 8)).toBe(minutes(8));
    expect(end(5, 12)).toBe(minutes(10));
    expect(end(30, null)).toBeNull();
    expect(end(5, null, { is_break_glass: true })).toBeNull();
    expect(end(5, 12, { is_break_glass: true })).toBe(minutes(12));
    const elsewhere = { ...at(5), target: { ...FACTS.target, environment: 'staging' } };
    expect(startEnd({ policy, facts: elsewhere, evaluation: NORMAL }, {})).toBeNull();
  });
});

it('an instant is the end of the start window however it is written', () => {
  const start = { not_before: null, not_after: minutes(4) };
  expect(isStartWindowEnd({ start }, minutes(4).replace('Z', '+00:00'))).toBe(true);
  expect(isStartWindowEnd({ start }, minutes(3))).toBe(false);
  expect(isStartWindowEnd({ start }, null)).toBe(false);
  const unending = { not_before: minutes(1), not_after: null };
  expect(isStartWindowEnd({ start: unending }, minutes(4))).toBe(false);
  expect(isStartWindowEnd({}, minutes(4))).toBe(false);
});

it('a time without a zone is refused in words that show one', () => {
  const { error } = startBodySchema.safeParse({ not_before: '2026-11-30T12:00:00' });
  expect(error?.issues.map(({ message }) => message)).toEqual([
    'RFC 3339 with a time zone, such as 2026-11-30T12:00:00Z',
  ]);
});
