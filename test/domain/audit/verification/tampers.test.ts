import { beforeAll, describe, expect, it } from 'vitest';

import { sha256 } from '../../../../domain/crypto/digest.ts';
import {
  entry,
  find,
  makeKeys,
  pendingStory,
  executedStory,
  refact,
  rewrite,
  type Keys,
  type Story,
} from './story.ts';
import { FACTS_DIGEST, minute, POLICY } from './policy.ts';
import {
  account,
  allowedOnTheSpot,
  allowedState,
  claimedPending,
  claimsAs,
  deactivate,
  deniedBy,
  forbidden,
  LATER,
  loosened,
  named,
  orphaned,
  OTHER_ARGUMENTS,
  otherDigest,
  otherPlan,
  OTHERS,
  refsOf,
  refused,
  SHOWN_BY_INPUTS,
  SHOWN_BY_STATE,
  SMALLER,
  withClaims,
  withDecision,
} from './spoiling.ts';
import { allow, notHeld, standing, stored, SUCCEEDED, wholeEvidence, type WholeEvidence } from './whole.ts';

/**
 * Each row is what somebody with the whole database could do. The chain is made anew after each change of an entry,
 * as the owner could; `evidence` changes what is stored without that.
 */
interface Tamper {
  readonly what: string;
  /** The check that says so. */
  readonly named: string;
  readonly start?: (keys: Keys) => Promise<Story>;
  readonly story?: (story: Story) => unknown;
  readonly evidence?: (evidence: WholeEvidence) => unknown;
  /** What the database says; a tamper of its own when it is not what the story ends with. */
  readonly state?: WholeEvidence['state'];
}

const pending = { start: pendingStory, state: standing('pending') };

const STATE_AND_CHAIN: readonly Tamper[] = [
  { what: 'a status set by hand', named: 'state_matches', state: { ...SUCCEEDED, status: 'failed' } },
  { what: 'a denial that came from policy', named: 'state_matches', ...deniedBy('person', 'policy') },
  { what: 'another round', named: 'state_matches', state: { ...SUCCEEDED, round: 2 } },
  { what: 'another digest of the request', named: 'state_matches', state: otherDigest() },
  { what: 'another plan of the request', named: 'state_matches', state: otherPlan() },
  { what: 'a tail that was cut off', named: 'state_matches', story: (story) => story.entries.pop() },
  {
    what: 'a tail cut off to before the claim',
    named: 'claims_closed',
    story: (story) => (story.entries.length = 6),
  },
  {
    what: 'a last entry that says another outcome',
    named: 'state_matches',
    story: (story) => rewrite(find(story, 'execution.succeeded'), { type: 'execution.failed' }),
  },
  {
    what: 'an entry that was removed',
    named: 'chain_unbroken',
    evidence: ({ leaves }) => leaves.splice(3, 1),
  },
  {
    what: 'two entries in each other’s place',
    named: 'chain_unbroken',
    evidence: ({ leaves }) => leaves.splice(3, 2, leaves[4] ?? '', leaves[3] ?? ''),
  },
  {
    what: 'a field of an entry, with its chain as it was',
    named: 'chain_unbroken',
    evidence: ({ leaves }) => (leaves[2] = (leaves[2] ?? '').replace('"round":1', '"round":2')),
  },
  {
    what: 'the run of a reset that acted as well',
    named: 'single_run',
    story: ({ entries }) =>
      entries.push({ ...entry('execution.claimed', { attempt: 1, idempotency_key: 'key-2' }), run: 'run-2' }),
  },
  {
    what: 'a decision that was dropped with its entry',
    named: 'tally_replays',
    story: (story) => (story.entries.splice(4, 1), story.envelopes.pop()),
  },
];

const CLAIMS: readonly Tamper[] = [
  {
    what: 'an open claim of a request that ended',
    named: 'claims_closed',
    story: (story) => rewrite(story.entries.at(-1) ?? entry('execution.failed', {}), orphaned()),
    state: { ...SUCCEEDED, status: 'failed', executions: claimsAs('claimed') },
  },
  { what: 'a claim that is open in the database', named: 'claims_closed', state: withClaims('claimed') },
  { what: 'a claim that is in no entry', named: 'claims_closed', ...pending, state: claimedPending() },
  {
    what: 'a claim that the database lacks',
    named: 'claims_closed',
    state: { ...SUCCEEDED, executions: [] },
  },
  {
    what: 'the outcome of nothing that was claimed',
    named: 'claims_closed',
    story: (story) => refact(find(story, 'execution.succeeded'), { attempt: 7 }),
  },
  {
    what: 'an outcome after the end',
    named: 'steps_in_order',
    story: ({ entries }) => entries.push(entry('execution.failed', { attempt: 1 }, { at: minute(8) })),
    state: { ...SUCCEEDED, status: 'failed', executions: claimsAs('failed') },
  },
];

const TIMES: readonly Tamper[] = [
  {
    what: 'an entry dated back',
    named: 'times_run_forward',
    story: (story) => rewrite(find(story, 'request.approved'), { at: '2001-01-01T00:00:00.000Z' }),
  },
  {
    what: 'an outcome in the future',
    named: 'times_run_forward',
    story: (story) => rewrite(find(story, 'execution.succeeded'), { at: minute(1200) }),
  },
  {
    what: 'a decision recorded before it was signed',
    named: 'times_run_forward',
    start: async (keys) =>
      withDecision(await pendingStory(keys), { issued_at: minute(9) }, { at: minute(2) }),
    state: standing('pending'),
  },
  {
    what: 'a round that began before it was opened',
    named: 'times_run_forward',
    ...pending,
    story: (story) => refact(find(story, 'request.pending'), { pending_since: minute(-60) }),
  },
  {
    what: 'an expiry that was moved',
    named: 'deadlines_follow',
    story: (story) => refact(find(story, 'request.pending'), { expires_at: minute(90) }),
  },
];

const EVALUATIONS: readonly Tamper[] = [
  {
    what: 'an allow where policy requires people',
    named: 'evaluations_repeat',
    story: (story) => allow(story, POLICY),
    state: allowedState(),
  },
  {
    what: 'an allow on the spot where policy requires people',
    named: 'evaluations_repeat',
    story: (story) => (story.entries = [allowedOnTheSpot(story)]),
    state: { ...standing('succeeded'), round: 0, decision_digest: null, plan_digest: null },
  },
  {
    what: 'an allow by facts about other arguments',
    named: 'evaluations_repeat',
    story: (story) => (allow(story), named(story, 'request.allowed', OTHER_ARGUMENTS.digest)),
    evidence: ({ inputs }) => inputs.facts.push(stored(OTHER_ARGUMENTS.digest, OTHER_ARGUMENTS.body)),
    state: allowedState(),
  },
  {
    what: 'an allow by facts of a smaller plan',
    named: 'evaluations_repeat',
    story: (story) => (allow(story), named(story, 'request.allowed', SMALLER.digest)),
    evidence: ({ inputs }) => inputs.facts.push(stored(SMALLER.digest, SMALLER.body)),
    state: allowedState(),
  },
  {
    what: 'an allow by facts about other people',
    named: 'evaluations_repeat',
    story: (story) => (allow(story), named(story, 'request.allowed', OTHERS.digest)),
    evidence: ({ inputs }) => inputs.facts.push(stored(OTHERS.digest, OTHERS.body)),
    state: allowedState(),
  },
  {
    what: 'an allow by facts of another time',
    named: 'evaluations_repeat',
    story: (story) => (allow(story), named(story, 'request.allowed', LATER.digest)),
    evidence: ({ inputs }) => inputs.facts.push(stored(LATER.digest, LATER.body)),
    state: allowedState(),
  },
  {
    what: 'an allow of another digest',
    named: 'digests_follow',
    story: (story) => (
      allow(story),
      rewrite(find(story, 'request.allowed'), { decision_digest: sha256('another') })
    ),
    state: allowedState(),
  },
  {
    what: 'a denial that policy did not say',
    named: 'evaluations_repeat',
    story: (story) => (story.entries = [...story.entries.slice(0, 2), forbidden()]),
    state: { ...standing('denied', 'policy'), round: 0 },
  },
  {
    what: 'facts that are not those of the digest',
    named: 'inputs_unaltered',
    evidence: ({ inputs }) => (inputs.facts = [{ ...stored(FACTS_DIGEST, OTHER_ARGUMENTS.body) }]),
  },
  {
    what: 'a policy that is not that of the digest',
    named: 'inputs_unaltered',
    evidence: ({ inputs }) =>
      (inputs.policies = inputs.policies.map((one) => ({ ...one, body: { rules: [] } }))),
  },
  {
    what: 'a policy that no entry made active',
    named: 'policies_installed',
    evidence: ({ inputs }) => (inputs.policy_entries = inputs.policy_entries.slice(1)),
  },
  {
    what: 'a plan that reads otherwise',
    named: 'plans_unaltered',
    evidence: ({ inputs }) => Object.assign(inputs.plans[0]?.body as object, { summary: 'updates 1 row' }),
  },
];

const PEOPLE: readonly Tamper[] = [
  {
    what: 'a decision by the owner of the agent, under another pseudonym',
    named: 'deciders_entitled',
    start: async (keys) =>
      withDecision(await pendingStory(keys), { reviewer: account('olga') }, { person: 'per_ann' }),
    evidence: ({ inputs }) => (inputs.people['per_ann'] = 'olga'),
    state: standing('pending'),
  },
  {
    what: 'a decision that counts for somebody else',
    named: 'deciders_entitled',
    start: async (keys) => withDecision(await pendingStory(keys), {}, { person: 'per_eve' }),
    state: standing('pending'),
  },
  {
    what: 'a decision by somebody of no group that was asked',
    named: 'deciders_entitled',
    start: async (keys) =>
      withDecision(await pendingStory(keys), { reviewer: account('out') }, { person: 'per_out' }),
    state: standing('pending'),
  },
  {
    what: 'a decision by somebody who was deactivated',
    named: 'deciders_entitled',
    evidence: ({ inputs }) => deactivate(inputs, 'ann'),
  },
  {
    what: 'a decision by an account that was given to its person after the request was made',
    named: 'deciders_entitled',
    evidence: ({ inputs }) => {
      const part = inputs.directory_at_creation;
      const people = part.people.map((person) => ({ ...person, accounts: [account(`${person.id}-before`)] }));
      inputs.directory_at_creation = { ...part, people };
    },
  },
  {
    what: 'a decision by an account that nobody had',
    named: 'deciders_entitled',
    start: async (keys) =>
      withDecision(await pendingStory(keys), { reviewer: account('zoe') }, { person: 'per_ann' }),
    state: standing('pending'),
  },
  {
    what: 'a decision with a stronger grade than was signed',
    named: 'decisions_signed',
    story: (story) =>
      rewrite(find(story, 'decision.counted'), { evidence: { grade: 'A', refs: refsOf(story) } }),
  },
  {
    what: 'a denial in time that was refused as late',
    named: 'refusals_right',
    start: async (keys) => refused(await pendingStory(keys), 'envelope_expired'),
    state: standing('pending'),
  },
  {
    what: 'a denial that was refused as outdated',
    named: 'refusals_right',
    start: async (keys) => refused(await pendingStory(keys), 'decision_digest_stale'),
    state: standing('pending'),
  },
  {
    what: 'a ticket that was used in time and refused as late',
    named: 'refusals_right',
    start: async (keys) =>
      refused(await pendingStory(keys), 'envelope_expired', { ticket_expires_at: minute(20) }),
    state: standing('pending'),
  },
  {
    what: 'a requirement that was loosened',
    named: 'digests_follow',
    story: (story) => refact(find(story, 'request.pending'), { requirement: loosened() }),
  },
];

let keys: Keys;

beforeAll(async () => {
  keys = await makeKeys();
});

describe.each([
  ['the state and the chain', STATE_AND_CHAIN],
  ['claims', CLAIMS],
  ['times', TIMES],
  ['evaluations', EVALUATIONS],
  ['people', PEOPLE],
])('tampering with %s', (_what, tampers) => {
  it.each(tampers)('is named: $what', async (tamper) => {
    const story = await (tamper.start ?? executedStory)(keys);
    tamper.story?.(story);
    const evidence = wholeEvidence(story, tamper.state);
    tamper.evidence?.(evidence);
    const found = await notHeld(evidence, story);
    expect(found[tamper.named]).toMatch(/^failed: /);
  });
});

describe('evidence that is not enough', () => {
  it.each([
    ['without the state of the request', 'state', SHOWN_BY_STATE],
    ['without what policy was evaluated with', 'inputs', SHOWN_BY_INPUTS],
  ] as const)('%s is said to be so, and does not pass', async (_what, part, unseen) => {
    const story = await executedStory(keys);
    const { [part]: _left, ...rest } = wholeEvidence(story);
    const found = await notHeld(rest, story);
    expect(Object.keys(found).sort()).toEqual([...unseen].sort());
    expect(Object.values(found).every((text) => text.startsWith('not_shown: '))).toBe(true);
  });

  it('that lacks erased facts shows no evaluation, and calls nothing wrong', async () => {
    const story = await executedStory(keys);
    const evidence = wholeEvidence(story);
    evidence.inputs.facts = [];
    expect(await notHeld(evidence, story)).toEqual({
      evaluations_repeat: expect.stringMatching(/^not_shown: .*erased/),
    });
  });

  it('of another engine shows no evaluation where this one comes to something else', async () => {
    const story = await executedStory(keys);
    allow(story, POLICY);
    const evidence = wholeEvidence(story, allowedState());
    evidence.inputs.facts = evidence.inputs.facts.map((one) => ({ ...one, engine: { engine: 'other' } }));
    expect(await notHeld(evidence, story)).toEqual({
      evaluations_repeat: expect.stringMatching(/^not_shown: .*another version/),
    });
  });

  it('that says wrong things fails, whatever else it does not show', async () => {
    const story = await executedStory(keys);
    const evidence = wholeEvidence(story, { ...SUCCEEDED, status: 'denied' });
    evidence.inputs.facts = [];
    const found = await notHeld(evidence, story);
    expect(found).toMatchObject({ state_matches: expect.stringMatching(/^failed/) });
  });
});
