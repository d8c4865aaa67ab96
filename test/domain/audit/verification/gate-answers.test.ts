import { beforeAll, describe, expect, it } from 'vitest';

import { approvedAgain } from './lifecycles.ts';
import { minute } from './policy.ts';
import { find, makeKeys, pendingStory, executedStory, rewrite, type Keys } from './story.ts';
import { allow, notHeld, SUCCEEDED, wholeEvidence } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

/**
 * Ann approved at minute 5, for half an hour, or took that back and approved again at 5.6; claimed at minute 7. Policy alone allows at
 * minute 2, for a day at most.
 */
const CASES = [
  { by: 'people', until: minute(35), isFlagged: false },
  { by: 'people', until: minute(36), isFlagged: true },
  { by: 'people', until: '2099-01-01T00:00:00.000Z', isFlagged: true },
  { by: 'people', until: 'for ever', isFlagged: true },
  { by: 'people who approved again', until: minute(35.6), isFlagged: false },
  { by: 'people who approved again', until: minute(35.7), isFlagged: true },
  { by: 'policy', until: minute(2 + 24 * 60), isFlagged: false },
  { by: 'policy', until: minute(3 + 24 * 60), isFlagged: true },
] as const;

const STORIES = {
  people: executedStory,
  'people who approved again': approvedAgain,
  policy: (signers: Keys) => pendingStory(signers),
};

describe('an answer that others act on', () => {
  it.each(CASES)('by $by, until $until: flagged $isFlagged', async ({ by, until, isFlagged }) => {
    const story = await STORIES[by](keys);
    const state = by === 'policy' ? allow(story) : SUCCEEDED;
    const decision = by === 'policy' ? 'allowed' : 'approved';
    const result = { decision, performed_by_keyturn: false, valid_until: until };
    rewrite(find(story, 'execution.succeeded'), { parts: { result } });
    const evidence = wholeEvidence(story, state);
    if (evidence.state.row) evidence.state.row.result = result;
    const found = await notHeld(evidence, story);
    expect('answers_end' in found).toBe(isFlagged);
    if (!isFlagged) expect(found).toEqual({});
  });
});
