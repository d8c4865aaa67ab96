import { beforeAll, describe, expect, it } from 'vitest';

import { digestOf } from '../../../../domain/crypto/digest.ts';
import { ENGINE } from '../../../../domain/conditions/profile.ts';
import type { StoredFacts } from '../../../../domain/policy/built-in-facts.ts';
import { minute, STORED_FACTS } from './policy.ts';
import { entry, find, makeKeys, pendingStory, refact, type Keys, type Story } from './story.ts';
import { LATER, OTHER_ARGUMENTS, OTHERS } from './spoiling.ts';
import { notHeld, plain, standing, stored, wholeEvidence, type WholeEvidence } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

const EARLIER = { ...ENGINE, profile_version: 1 };
const DECLARED = { ...STORED_FACTS, request: { ...STORED_FACTS.request, on_behalf_of: 'ann' } };
const BREAK_GLASS = { ...STORED_FACTS, request: { ...STORED_FACTS.request, break_glass: true } };

async function evaluatedBy(
  engine: unknown,
  body: StoredFacts,
): Promise<{ story: Story; evidence: WholeEvidence }> {
  const story = await pendingStory(keys);
  const digest = digestOf(body);
  refact(find(story, 'request.pending'), { facts_digest: digest });
  story.entries.push(entry('request.expired', { round: 1 }, { at: minute(61) }));
  const evidence = wholeEvidence(story, standing('expired'));
  evidence.inputs.facts = [{ ...stored(digest, body), engine: plain(engine) }];
  return { story, evidence };
}

describe('an evaluation of an earlier version', () => {
  it.each([
    ['of the profile before', EARLIER, 'not_shown'],
    ['of one that named no engine', null, 'not_shown'],
    ['of this one', ENGINE, 'failed'],
  ])(
    'is not shown, and never failed, where facts were made otherwise: %s',
    async (_what, engine, outcome) => {
      for (const body of [DECLARED, OTHERS.body]) {
        const { story, evidence } = await evaluatedBy(engine, body);
        expect(await notHeld(evidence, story)).toEqual({
          evaluations_repeat: expect.stringMatching(new RegExp(`^${outcome}: `)),
        });
      }
    },
  );

  it.each([EARLIER, null, ENGINE])('holds where this version comes to the same: %o', async (engine) => {
    const { story, evidence } = await evaluatedBy(engine, STORED_FACTS);
    expect(await notHeld(evidence, story)).toEqual({});
  });

  it.each([
    ['other arguments', OTHER_ARGUMENTS.body],
    ['another time', LATER.body],
    ['a break-glass request', BREAK_GLASS],
  ])('fails with facts that no version makes of what was signed: %s', async (_what, body) => {
    const { story, evidence } = await evaluatedBy(EARLIER, body);
    expect(await notHeld(evidence, story)).toEqual({
      evaluations_repeat: expect.stringMatching(/^failed: /),
    });
  });
});
