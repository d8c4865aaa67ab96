import { beforeAll, describe, expect, it } from 'vitest';

import { STILL_MS } from '../../../../domain/request/overdue.ts';
import { verifyRequest, type Evidence } from '../../../../domain/audit/verification/verify.ts';
import type { VerificationOutcome } from '../../../../domain/audit/verification/report.ts';
import { minute } from './policy.ts';
import { entry, evidenceOf, makeKeys, pendingEntry, pendingStory, type Entry, type Keys } from './story.ts';
import { wholeEvidence } from './whole.ts';

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
  return outcomeOf(evidenceOf(story), 'not_expired_early');
}

async function outcomeOf(evidence: Evidence, check: string): Promise<VerificationOutcome> {
  const { checks } = await verifyRequest(evidence, keys.published, minute(9_000));
  return checks.find(({ name }) => name === check)?.outcome ?? expect.unreachable();
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

/** Rounds that were opened with these expiries, in minutes; the requirement says the 61st. */
async function deadlines(notAfter: number | null, expiries: readonly number[]): Promise<VerificationOutcome> {
  const start = { not_before: null, not_after: notAfter === null ? null : minute(notAfter) };
  const story = await pendingStory(keys, { start });
  const rounds = expiries.map((at, index) => pendingEntry({ round: index + 1, expires_at: minute(at) }));
  story.entries = [...story.entries.slice(0, 2), ...rounds];
  return outcomeOf(wholeEvidence(story), 'deadlines_follow');
}

describe('the deadline of a round', () => {
  it.each<[string, Parameters<typeof deadlines>, VerificationOutcome]>([
    ['ends with the start window', [30, [30]], 'ok'],
    ['goes beyond the start window', [30, [61]], 'failed'],
    ['is brought forward by the next round, to the end of the start window', [30, [61, 30]], 'failed'],
    ['ends before the start window', [90, [61]], 'ok'],
    ['is neither of both', [30, [45]], 'failed'],
    ['is before the end of the start window', [30, [29]], 'failed'],
    ['is later than its requirement says, as the start window is', [90, [90]], 'failed'],
    ['is early without a start window', [null, [30]], 'failed'],
    ['is moved beyond the end of the start window by the next round', [30, [30, 61]], 'failed'],
  ])('%s', async (_what, rounds, outcome) => {
    expect(await deadlines(...rounds)).toBe(outcome);
  });
});
