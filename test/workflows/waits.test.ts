import { describe, expect, it } from 'vitest';

import { evaluatedIn, holdMs, executedIn } from '../../workflows/results.ts';

const HOUR_MS = 60 * 60_000;

describe('a hold that somebody else may have answered', () => {
  it.each([
    ['for ever', '9999-12-31T23:59:59.000Z', 6 * HOUR_MS],
    ['long over', '1970-01-01T00:00:00.000Z', 1_000],
  ])('is looked at again after hours at most: %s', (_what, until, waitMs) => {
    expect(holdMs(until)).toBe(waitMs);
  });

  it('is waited for until its end where that is near', () => {
    const waitMs = holdMs(new Date(Date.now() + HOUR_MS).toISOString());
    expect(waitMs).toBeGreaterThan(HOUR_MS / 2);
    expect(waitMs).toBeLessThanOrEqual(HOUR_MS);
  });
});

describe('an instant of an answer', () => {
  // JavaScript reads an instant out of texts with comments of any length; no timer has room for such a name.
  const padded = `2026-11-29T00:00:00Z (${'a'.repeat(100_000)})`;

  it.each([
    ['of a hold', () => executedIn({ kind: 'held', until: padded })],
    [
      'of a round',
      () => {
        const round = { kind: 'review', requirement: { rules: [], risk: 'low' }, decision_digest: 'd' };
        return evaluatedIn({ ...round, pending_since: padded, expires_at: padded });
      },
    ],
  ])('is short, or the answer is none: %s', (_what, read) => {
    let answer: unknown = null;
    try {
      answer = read();
    } catch {
      answer = null;
    }
    expect(answer).toBeNull();
  });
});
