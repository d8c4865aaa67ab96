import { beforeAll, describe, expect, it } from 'vitest';

import { reopenedStory, LIFECYCLES, takeBack } from './lifecycles.ts';
import { minute } from './policy.ts';
import { refused } from './spoiling.ts';
import {
  decide,
  entry,
  executedStory,
  failuresOf,
  find,
  makeKeys,
  pendingStory,
  refact,
  signedDecision,
  type Keys,
  type Story,
} from './story.ts';
import { notHeld, standing, wholeEvidence } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

/** Ann approved, in a round that is still open. */
async function approvedByAnn(): Promise<Story> {
  const story = await pendingStory(keys);
  await decide(story, signedDecision('ann'));
  return story;
}

describe('an approval that was taken back', () => {
  it.each(['approved again by who took it back', 'approved, taken back and asked again'])(
    'holds in every check: %s',
    async (name) => {
      const evidence = await LIFECYCLES[name]?.(keys);
      if (!evidence) throw new Error('no such story');
      expect(await notHeld(evidence, await pendingStory(keys))).toEqual({});
    },
  );

  it('does not count: what was executed without another one is found', async () => {
    const story = await executedStory(keys);
    const rest = story.entries.splice(4);
    await takeBack(story, minute(5.5));
    story.entries.push(...rest);
    expect(await failuresOf(story)).toEqual(['tally_replays']);
  });

  it('sends an approved request back: what was executed all the same is found', async () => {
    const story = await executedStory(keys);
    const executed = story.entries.splice(-2);
    await takeBack(story, minute(6));
    story.entries.push(...executed);
    expect(await failuresOf(story)).toEqual(['steps_in_order', 'tally_replays']);
  });

  it('is the only reason to ask anew in its name', async () => {
    const story = await reopenedStory(keys);
    const at = story.entries.findIndex(({ draft }) => draft.type === 'decision.taken_back');
    story.entries.splice(at, 1);
    story.envelopes.pop();
    expect(await failuresOf(story)).toEqual(['steps_in_order']);
  });
});

describe('who takes an approval back', () => {
  it('is its person: another one is wrong evidence', async () => {
    const story = await approvedByAnn();
    await takeBack(story, minute(6), { by: 'ben' });
    expect(await failuresOf(story)).toEqual(['own_taken_back']);
  });

  it('names what was approved in the round, and not yet taken back', async () => {
    const story = await approvedByAnn();
    await takeBack(story, minute(6), { takes_back: `dec_${'z'.repeat(26)}` });
    expect(await failuresOf(story)).toEqual(['own_taken_back']);
    const twice = await approvedByAnn();
    await takeBack(twice, minute(6));
    const again = { id: `dec_${'u'.repeat(26)}`, verdict: 'take_back', issued_at: minute(6) } as const;
    await decide(twice, signedDecision('ann', { ...again, takes_back: signedDecision('ann').id }));
    expect(await failuresOf(twice)).toEqual(['own_taken_back']);
  });

  it('signed which one it is', async () => {
    const story = await approvedByAnn();
    await decide(story, signedDecision('ben'));
    await takeBack(story, minute(6));
    refact(find(story, 'decision.taken_back'), { takes_back: signedDecision('ben').id });
    expect(await failuresOf(story)).toEqual(['decisions_signed', 'own_taken_back']);
  });
});

describe('taking an approval back, on record as refused', () => {
  const change = {
    id: `dec_${'l'.repeat(26)}`,
    verdict: 'take_back',
    takes_back: signedDecision('ann').id,
  } as const;

  it.each([
    ['not_your_decision', 'ann', 'failed'],
    ['request_not_pending', 'ann', 'failed'],
    ['request_executing', 'ann', 'failed'],
    ['not_your_decision', 'ben', 'holds'],
  ])('as %s of %s, while it could be taken back: %s', async (code, by, outcome) => {
    for (const isApproved of [false, true]) {
      const story = await approvedByAnn();
      await decide(story, signedDecision('eve', { issued_at: minute(6) }));
      if (isApproved) story.entries.push(entry('request.approved', { round: 1 }));
      const { reviewer } = signedDecision(by);
      await refused(story, code, { ...change, reviewer, issued_at: minute(6) });
      const state = standing(isApproved ? 'approved' : 'pending');
      const found = await notHeld(wholeEvidence(story, state), story);
      expect('refusals_right' in found).toBe(outcome === 'failed');
    }
  });

  it('is found where it was signed before the approval, and came after the claim', async () => {
    const story = await refused(await executedStory(keys), 'request_executing', {
      ...change,
      issued_at: minute(5.5),
    });
    const found = await notHeld(wholeEvidence(story), story);
    expect(found['refusals_right']).toContain('taking back of an approval that was signed before');
  });

  it('does not hold where the entry that asks all again gives no reason, or that of another entry', async () => {
    for (const why of [null, 'target_changed', 'x']) {
      const story = await reopenedStory(keys);
      refact(find(story, 'request.approval_taken_back'), { why });
      expect(await failuresOf(story)).toEqual(['steps_in_order']);
    }
  });
});
