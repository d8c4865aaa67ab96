import { beforeAll, describe, expect, it } from 'vitest';

import { STILL_MS } from '../../domain/overdue.ts';
import { verifyRequest } from '../../domain/verification.ts';
import type { VerificationOutcome } from '../../domain/verification-report.ts';
import { minute } from './verification-policy.ts';
import { entry, evidenceOf, makeKeys, pendingStory, type Entry, type Keys } from './verification-story.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

const STILL_MINUTES = STILL_MS / 60_000;

/** A request that was planned in the second minute, and what was added to its log before it expired. */
async function expiredAt(minutes: number, added: readonly Entry[]): Promise<VerificationOutcome> {
  const story = await pendingStory(keys);
  story.entries = [
    ...story.entries.slice(0, 2),
    ...added,
    entry('request.expired', { round: 0, found_by: 'sweep' }, { at: minute(minutes) }),
  ];
  const { checks } = await verifyRequest(evidenceOf(story), story.keys.published, minute(9_000));
  return checks.find(({ name }) => name === 'not_expired_early')?.outcome ?? expect.unreachable();
}

describe('the expiry of a request that nobody plans', () => {
  const ADDED = [
    'decision.attempt_refused',
    'decision.unauthenticated',
    'decision.refused',
    'request.withdrawal_refused',
  ] as const;

  it.each(ADDED)(
    'counts from when it was moved last, not from what was added to its log: %s',
    async (type) => {
      const added = [entry(type, { round: 0 }, { at: minute(700) })];
      expect(await expiredAt(STILL_MINUTES + 1, added)).toBe('ok');
      expect(await expiredAt(STILL_MINUTES - 5, added)).toBe('failed');
    },
  );

  it('counts anew from a drift, which moves it', async () => {
    const added = [entry('request.drifted', { round: 0 }, { at: minute(700) })];
    expect(await expiredAt(STILL_MINUTES + 1, added)).toBe('failed');
    expect(await expiredAt(STILL_MINUTES + 700, added)).toBe('ok');
  });
});
