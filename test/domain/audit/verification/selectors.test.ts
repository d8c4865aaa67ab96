import { describe, expect, it } from 'vitest';

import type { Leaf } from '../../../../domain/audit/leaf.ts';
import { policyDigest, type PolicySet } from '../../../../domain/policy/policy.ts';
import { readMaterial } from '../../../../domain/audit/verification/evidence.ts';
import { selectorsFault } from '../../../../domain/audit/verification/selectors.ts';
import { minute, POLICY, REQUIREMENT } from './policy.ts';
import { makeKeys, pendingEntry, pendingStory } from './story.ts';
import { installed, plain, standing, wholeEvidence } from './whole.ts';

const NOBODY = 'no inbox holds the request though people are asked';

function ownedBy(owners: readonly string[]): PolicySet {
  return { ...POLICY, targets: POLICY.targets.map((target) => ({ ...target, owners })) };
}

interface Selected {
  readonly owners: readonly string[];
  readonly stages: readonly (readonly string[])[];
  /** Of a second rule. */
  readonly other?: readonly string[];
  readonly isReplaced?: boolean;
}

/** What is said of a pending request that no inbox holds. */
async function faultOf({ owners, stages, other, isReplaced = false }: Selected): Promise<string | null> {
  const policy = ownedBy(owners);
  const digest = policyDigest(policy);
  const story = await pendingStory(await makeKeys());
  const [rule] = REQUIREMENT.rules;
  const requirement = {
    ...REQUIREMENT,
    rules: [stages, ...(other ? [[other]] : [])].map((ofRule) => ({
      ...rule,
      stages: ofRule.map((any) => ({ any, quorum: 1, escalate: [] })),
    })),
  };
  story.entries[2] = pendingEntry({ requirement: plain(requirement) });
  story.entries[2].draft = { ...story.entries[2].draft, policy_digest: digest as Leaf['decision_digest'] };
  const evidence = wholeEvidence(story, standing('pending'));
  evidence.inputs.policies.push({ digest, body: plain(policy) });
  evidence.inputs.policy_entries = [
    installed(policy, 0),
    ...(isReplaced ? [installed(POLICY, 1, minute(2))] : []),
  ];
  const row = { ...(evidence.state.row ?? expect.unreachable()), open_selectors: [] };
  return selectorsFault(readMaterial({ ...evidence, state: { ...evidence.state, row } }), row);
}

describe('a request that no inbox holds', () => {
  it.each([
    ['owners alone, and nobody is one', { owners: [], stages: [['owners']] }],
    ['owners first, and nobody is one', { owners: [], stages: [['owners'], ['group:dba']] }],
    [
      'owners alone, by a policy that was replaced since',
      { owners: ['group:dba'], stages: [['owners']], isReplaced: true },
    ],
  ])('is whole where nobody may be asked: %s', async (_what, asked) => {
    expect(await faultOf(asked)).toBeNull();
  });

  it.each([
    ['owners, and there are some', { owners: ['group:dba'], stages: [['owners']] }],
    ['a group', { owners: [], stages: [['group:dba']] }],
    ['owners alone, and by another rule a group', { owners: [], stages: [['owners']], other: ['group:dba'] }],
    ['owners or a group', { owners: [], stages: [['owners', 'group:dba']] }],
  ])('is at fault where somebody is asked: %s', async (_what, asked) => {
    expect(await faultOf(asked)).toBe(NOBODY);
  });
});
