import { beforeAll, describe, expect, it } from 'vitest';

import { sha256 } from '../../../../domain/crypto/digest.ts';
import { decisionDigestOf } from '../../../../domain/request/digests.ts';
import { INTENT, LINEAGE, PLAN_BODY, REQUIREMENT } from './policy.ts';
import { find, makeKeys, pendingStory, refact, REQUEST, rewrite, type Keys, type Story } from './story.ts';
import { loosened } from './spoiling.ts';
import { notHeld, standing, wholeEvidence } from './whole.ts';

/** As versions before made it, which did not cover the words of the plan. */
const EARLIER = decisionDigestOf({
  request: REQUEST,
  intent_digest: INTENT,
  plan: {
    fingerprint: PLAN_BODY.fingerprint,
    effects: [],
    salt: PLAN_BODY.salt,
    target_digest: PLAN_BODY.target_digest,
    plan_digest: null,
  },
  lineage: LINEAGE,
  requirement: REQUIREMENT,
});

let keys: Keys;

beforeAll(async () => {
  keys = await makeKeys();
});

async function earlierStory(): Promise<Story> {
  const story = await pendingStory(keys);
  rewrite(find(story, 'request.pending'), { decision_digest: EARLIER });
  return story;
}

function found(story: Story): Promise<Record<string, string>> {
  return notHeld(wholeEvidence(story, { ...standing('pending'), decision_digest: EARLIER }), story);
}

describe('a decision digest of an earlier version', () => {
  it('is not shown to be right, and not called wrong', async () => {
    expect(await found(await earlierStory())).toEqual({
      digests_follow: expect.stringMatching(/^not_shown: .*earlier version/),
    });
  });

  it('is wrong over another effect or requirement', async () => {
    const effect = await earlierStory();
    refact(find(effect, 'request.planned'), { fingerprint: sha256('another effect') });
    expect(await found(effect)).toMatchObject({ digests_follow: expect.stringMatching(/^failed: /) });
    const asked = await earlierStory();
    refact(find(asked, 'request.pending'), { requirement: loosened() });
    expect(await found(asked)).toMatchObject({ digests_follow: expect.stringMatching(/^failed: /) });
  });
});
