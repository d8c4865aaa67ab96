import { describe, expect, it } from 'vitest';

import { startOf } from '../../domain/start.ts';
import { FACTS, minutes, policyOf } from './examples.ts';

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
});
