import { beforeAll, describe, expect, it } from 'vitest';

import type { SignedDecision } from '../../../../domain/crypto/envelope.ts';
import { ISSUER, minute } from './policy.ts';
import { refused } from './spoiling.ts';
import {
  entry,
  makeKeys,
  pendingStory,
  executedStory,
  rewrite,
  find,
  type Keys,
  type Story,
} from './story.ts';
import { notHeld, standing, SUCCEEDED, wholeEvidence } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

/** Approved at minute 6; with what follows the approval in place of the execution. */
async function approvedStory(...after: Parameters<typeof entry>[0][]): Promise<Story> {
  const story = await executedStory(keys);
  rewrite(find(story, 'request.approved'), { at: minute(6) });
  if (after.length === 0) return story;
  story.entries = story.entries.filter(({ draft }) => !draft.type.startsWith('execution.'));
  story.entries.push(...after.map((type) => entry(type, { round: 1 }, { at: minute(7) })));
  return story;
}

interface Case {
  readonly what: string;
  readonly after?: Parameters<typeof entry>[0][];
  readonly code?: string;
  readonly change?: Partial<SignedDecision>;
  readonly isFlagged: boolean;
}

const CASES: readonly Case[] = [
  { what: 'signed before the approval, refused after the execution', isFlagged: true },
  { what: 'signed before the approval, refused while approved', after: ['request.held'], isFlagged: true },
  { what: 'signed after the approval', change: { issued_at: minute(7) }, isFlagged: false },
  { what: 'by a ticket', change: { ticket_expires_at: minute(20) }, isFlagged: false },
  { what: 'that is an approval', change: { verdict: 'approve' }, isFlagged: false },
  { what: 'of somebody who was not asked', code: 'not_eligible', isFlagged: false },
  { what: 'on another digest', change: { decision_digest: `sha256:${'0'.repeat(64)}` }, isFlagged: false },
  {
    what: 'of a request that was withdrawn before its claim',
    after: ['request.withdrawn'],
    isFlagged: false,
  },
];

describe('a denial on record as refused', () => {
  it.each(CASES)('$what: flagged $isFlagged', async ({ after, code, change, isFlagged }) => {
    const story = await refused(await approvedStory(...(after ?? [])), code ?? 'request_not_pending', {
      id: `dec_${'l'.repeat(26)}`,
      issued_at: minute(4),
      ...change,
    });
    const state = after === undefined ? SUCCEEDED : standing('approved');
    const found = await notHeld(wholeEvidence(story, state), story);
    expect('refusals_right' in found).toBe(isFlagged);
    if (isFlagged) expect(found['refusals_right']).toContain('was signed before the request was approved');
  });
});

interface OpenCase {
  readonly code: string;
  readonly person: string;
  readonly issued: number;
  readonly outcome: 'failed' | 'not_shown' | 'holds';
}

/** Eve could have denied, Out is not asked, Olga owns the agent. Approved at minute 6, claimed at minute 7. */
const WHILE_APPROVED: readonly OpenCase[] = [
  ...['not_eligible', 'already_decided', 'self_approval', 'reviewer_unknown', 'switched_off'].flatMap(
    (code) => [
      { code, person: 'eve', issued: 4, outcome: 'failed' as const },
      { code, person: 'eve', issued: 6, outcome: 'failed' as const },
    ],
  ),
  { code: 'envelope_invalid', person: 'eve', issued: 6, outcome: 'failed' },
  { code: 'envelope_invalid', person: 'eve', issued: 6.5, outcome: 'not_shown' },
  { code: 'request_not_pending', person: 'eve', issued: 6, outcome: 'failed' },
  { code: 'not_eligible', person: 'out', issued: 4, outcome: 'holds' },
  { code: 'self_approval', person: 'olga', issued: 4, outcome: 'holds' },
];

describe('a denial on record as refused after the approval and before the claim', () => {
  it.each(WHILE_APPROVED)('$code, of $person, signed at $issued: $outcome', async (refusal) => {
    const { code, person, issued, outcome } = refusal;
    const story = await approvedStory();
    const claims = story.entries.splice(-2);
    await refused(story, code, {
      id: `dec_${'l'.repeat(26)}`,
      issued_at: minute(issued),
      reviewer: { issuer: ISSUER, subject: person },
    });
    story.entries.push(...claims);
    const found = await notHeld(wholeEvidence(story), story);
    if (outcome === 'holds') expect(found).toEqual({});
    else expect(found).toEqual({ refusals_right: expect.stringMatching(new RegExp(`^${outcome}`)) });
  });
});

describe('a decision on record as refused because it is dated ahead', () => {
  it.each([
    [6.05, 'failed'],
    [6.5, 'not_shown'],
  ])('signed at %d, and recorded at 6: %s', async (issued, outcome) => {
    const story = await refused(await pendingStory(keys), 'envelope_invalid', {
      id: `dec_${'l'.repeat(26)}`,
      issued_at: minute(issued),
    });
    const found = await notHeld(wholeEvidence(story, standing('pending')), story);
    expect(found).toEqual({ refusals_right: expect.stringMatching(new RegExp(`^${outcome}`)) });
  });
});
