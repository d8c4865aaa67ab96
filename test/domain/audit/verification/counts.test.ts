import { beforeAll, describe, expect, it } from 'vitest';

import { policyDigest, type PolicySet } from '../../../../domain/policy/policy.ts';
import { exampleRule } from '../../examples.ts';
import { ALLOWING, minute, STORED_FACTS } from './policy.ts';
import { find, makeKeys, pendingStory, refact, type Keys } from './story.ts';
import { allow, installed, notHeld, plain, stored, wholeEvidence, withFacts } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

const DAY_MS = 86_400_000;

function allowing(when: string | null): PolicySet {
  return {
    ...ALLOWING,
    windows: [
      { id: 'own', action: ['postgres.execute'], over_ms: DAY_MS, per: ['lineage'], sum: 'plan.rows' },
    ],
    rules: [exampleRule('few', 'allow', when === null ? {} : { when })],
  };
}

/** What the checks say of an allow by a policy, with counts that nothing in the evidence bears out. */
async function saidOf(policy: PolicySet): Promise<Record<string, string>> {
  const windows = { own: { count: 1, sum: 2 } };
  const { body, digest } = withFacts({ windows, history: { ...STORED_FACTS.history, denials_24h: 0 } });
  const story = await pendingStory(keys);
  const state = allow(story, policy);
  refact(find(story, 'request.allowed'), { facts_digest: digest, matched_rules: ['few'] });
  const evidence = wholeEvidence(story, state);
  evidence.inputs.facts.push(stored(digest, body));
  evidence.inputs.policies.push({ digest: policyDigest(policy), body: plain(policy) });
  evidence.inputs.policy_entries?.push(installed(policy, 1, minute(1)));
  return notHeld(evidence, story);
}

describe('an allow by policy', () => {
  it.each([
    'history.requests_24h < 5',
    'history.denials_24h == 0',
    'windows.own.sum <= 10',
    'windows.own.count < 3',
  ])('that rests on counts of earlier requests is not shown: %s', async (when) => {
    expect(await saidOf(allowing(when))).toEqual({
      evaluations_repeat: expect.stringMatching(/^not_shown: .*by counts of other requests/),
    });
  });

  it.each([null, 'plan.rows <= 10', 'plan.rows <= 10 || windows.own.count < 3'])(
    'that does not holds: %s',
    async (when) => {
      expect(await saidOf(allowing(when))).toEqual({});
    },
  );
});
