import { expect, it } from 'vitest';

import { sha256 } from '../../../../domain/crypto/digest.ts';
import { find, makeKeys, pendingStory, refact, rewrite, type Story } from './story.ts';
import { loosened } from './spoiling.ts';
import { notHeld, standing, wholeEvidence } from './whole.ts';

const keys = await makeKeys();

it.each<[string, (story: Story) => void]>([
  ['another effect', (story) => refact(find(story, 'request.planned'), { fingerprint: sha256('another') })],
  ['another requirement', (story) => refact(find(story, 'request.pending'), { requirement: loosened() })],
  ['nothing on record', (story) => rewrite(find(story, 'request.pending'), { decision_digest: sha256('x') })],
])('a decision digest over %s fails', async (_what, spoil) => {
  const story = await pendingStory(keys);
  spoil(story);
  const found = await notHeld(wholeEvidence(story, standing('pending')), story);
  expect(found).toMatchObject({ digests_follow: expect.stringMatching(/^failed: /) });
});
