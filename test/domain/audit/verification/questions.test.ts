import { beforeAll, describe, expect, it } from 'vitest';

import { reopenedStory } from './lifecycles.ts';
import { minute } from './policy.ts';
import { entry, executedStory, failuresOf, makeKeys, pendingStory, type Entry, type Keys } from './story.ts';
import { notHeld, standing, wholeEvidence } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

const QUESTION = `qst_${'a'.repeat(26)}`;

function asked(question = QUESTION, kind: 'person' | 'agent' = 'person', at = minute(2)): Entry {
  const facts = { question, person: 'per_ann', round: 1 };
  const actor = { pseudonym: 'acc_ann', kind, via: 'console' };
  return entry('question.asked', facts, { at, actor, policy_digest: null, parts: { question: 'sealed' } });
}

function answered(question = QUESTION, at = minute(3)): Entry {
  const facts = { question, person: null, round: 1 };
  const actor = { pseudonym: 'acc_agent', kind: 'agent', via: 'api' } as const;
  return entry('question.answered', facts, { at, actor, policy_digest: null, parts: { answer: 'sealed' } });
}

describe('questions and answers', () => {
  it('hold in every check, and are named as the word of Keyturn alone', async () => {
    const story = await pendingStory(keys);
    story.entries.push(asked(), answered());
    expect(await notHeld(wholeEvidence(story, standing('pending')), story)).toEqual({});
  });

  it('stand between any two steps of a request that people decide', async () => {
    const story = await executedStory(keys);
    story.entries.splice(3, 0, asked(), answered());
    expect(await failuresOf(story)).toEqual([]);
  });

  it('come between an approval that was taken back and the new round without hiding that it is one', async () => {
    const story = await reopenedStory(keys);
    const index = story.entries.findIndex(({ draft }) => draft.type === 'decision.taken_back');
    story.entries.splice(index + 1, 0, asked(QUESTION, 'person', story.entries[index]?.draft.at));
    expect(await failuresOf(story)).toEqual([]);
  });

  it('are found where they are not of this course: answered before, twice, asked again or by a program', async () => {
    const wrong = [
      [answered()],
      [asked(), answered(), answered()],
      [asked(), asked()],
      [asked(QUESTION, 'agent')],
    ];
    for (const entries of wrong) {
      const story = await pendingStory(keys);
      story.entries.push(...entries);
      expect(await failuresOf(story)).toEqual(['questions_in_order']);
    }
  });

  it('are found after the end', async () => {
    const story = await executedStory(keys);
    story.entries.push(asked(QUESTION, 'person', minute(20)));
    expect(await failuresOf(story)).toEqual(['steps_in_order']);
  });
});
