import { beforeAll, describe, expect, it } from 'vitest';

import type { SignedDecision } from '../../domain/envelope.ts';
import { minute } from './verification-policy.ts';
import { refused } from './verification-spoiling.ts';
import {
  entry,
  makeKeys,
  performedStory,
  rewrite,
  find,
  type Keys,
  type Story,
} from './verification-story.ts';
import { notHeld, standing, SUCCEEDED, wholeEvidence } from './verification-whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

/** Approved at minute 6; with what follows the approval in place of the execution. */
async function approvedStory(...after: Parameters<typeof entry>[0][]): Promise<Story> {
  const story = await performedStory(keys);
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
