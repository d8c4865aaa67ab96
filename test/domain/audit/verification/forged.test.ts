import { beforeAll, describe, expect, it } from 'vitest';

import { sha256 } from '../../../../domain/crypto/digest.ts';
import { signEnvelope } from '../../../../domain/crypto/envelope.ts';
import { ALLOWING, FACTS_DIGEST, ISSUER, minute, POLICY } from './policy.ts';
import { refused } from './spoiling.ts';
import {
  decide,
  DECISION,
  entry,
  makeKeys,
  pendingStory,
  executedStory,
  REQUEST,
  signedDecision,
  type Keys,
  type Story,
} from './story.ts';
import {
  allow,
  installed,
  notHeld,
  standing,
  SUCCEEDED,
  wholeEvidence,
  type WholeEvidence,
} from './whole.ts';

/** Entries that a writer to the log can append, with the row of the request set to fit. */

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

type State = WholeEvidence['state'];
type Appended = Parameters<typeof entry>;

const LATER = { at: minute(8) };

async function approvedStory(): Promise<Story> {
  const story = await executedStory(keys);
  story.entries.splice(-2);
  return story;
}

/** Approved, and a claim that was given back. */
async function unclaimedStory(): Promise<Story> {
  const story = await approvedStory();
  const attempt = { attempt: 1, idempotency_key: 'key-1', round: 1 };
  story.entries.push(entry('execution.claimed', attempt, { at: minute(7) }));
  story.entries.push(entry('execution.not_done', { attempt: 1 }, { at: minute(7) }));
  return story;
}

const GIVEN_BACK: State['executions'] = SUCCEEDED.executions.map((one) => ({ ...one, state: 'not_done' }));

async function deniedStory(): Promise<Story> {
  const story = await pendingStory(keys);
  await decide(story, signedDecision('ann', { verdict: 'deny' }));
  story.entries.push(entry('request.denied', { by: 'person', round: 1 }));
  return story;
}

const STARTS = {
  pending: async () => pendingStory(keys),
  approved: approvedStory,
  unclaimed: unclaimedStory,
  executed: async () => executedStory(keys),
  denied: deniedStory,
};

interface Forged {
  readonly what: string;
  readonly start: keyof typeof STARTS;
  readonly append: Appended;
  readonly state: State;
  readonly named?: string;
}

function orphaned(status: string): Appended {
  return ['request.orphaned', { status, round: 1 }, LATER];
}

function denied(facts: Record<string, string>): Appended {
  const all = { round: 1, facts_digest: FACTS_DIGEST, matched_rules: ['prod-sql'], ...facts };
  return ['request.denied', all, { decision_digest: null, at: minute(1) }];
}

const succeeded: State = { ...SUCCEEDED, executions: [] };

const ENDS: readonly Forged[] = [
  { what: 'lost as succeeded', start: 'pending', append: orphaned('succeeded'), state: succeeded },
  { what: 'lost as approved', start: 'pending', append: orphaned('approved'), state: standing('approved') },
  { what: 'lost as failed', start: 'pending', append: orphaned('failed'), state: standing('failed') },
  { what: 'lost as failed', start: 'approved', append: orphaned('failed'), state: standing('failed') },
  {
    what: 'lost as cancelled',
    start: 'unclaimed',
    append: orphaned('cancelled'),
    state: { ...standing('cancelled'), executions: GIVEN_BACK },
  },
  {
    what: 'lost as failed',
    start: 'executed',
    append: orphaned('failed'),
    state: { ...SUCCEEDED, status: 'failed' },
  },
  {
    what: 'lost as cancelled',
    start: 'executed',
    append: orphaned('cancelled'),
    state: { ...SUCCEEDED, status: 'cancelled' },
  },
  {
    what: 'lost as succeeded',
    start: 'denied',
    append: orphaned('succeeded'),
    state: { ...succeeded, denied_by: 'person' },
  },
  {
    what: 'cancelled by nobody',
    start: 'approved',
    append: ['request.cancelled', { round: 1 }, LATER],
    state: standing('cancelled'),
  },
  {
    what: 'failed by policy, on facts of nothing',
    start: 'approved',
    append: ['execution.failed', { by: 'policy', code: 'forbidden', round: 1, facts_digest: 'x' }, LATER],
    state: standing('failed'),
  },
  {
    what: 'failed by nobody',
    start: 'approved',
    append: ['execution.failed', { code: 'constraint', round: 1 }, LATER],
    state: standing('failed'),
  },
  {
    what: 'failed as an attempt that is over',
    start: 'unclaimed',
    append: ['execution.failed', { code: 'constraint', attempt: 1 }, LATER],
    state: { ...standing('failed'), executions: GIVEN_BACK.map((one) => ({ ...one, state: 'failed' })) },
  },
  {
    what: 'not planned',
    start: 'approved',
    append: ['request.plan_failed', { code: 'target_unreachable' }, LATER],
    state: standing('failed'),
  },
  {
    what: 'not planned',
    start: 'pending',
    append: ['request.plan_failed', { code: 'target_unreachable' }, LATER],
    state: standing('failed'),
  },
  {
    what: 'denied by nobody',
    start: 'pending',
    append: ['request.denied', { round: 1 }, LATER],
    state: standing('denied'),
  },
  {
    what: 'denied by a person',
    start: 'approved',
    append: ['request.denied', { by: 'person', round: 1 }, LATER],
    state: standing('denied', 'person'),
  },
  {
    what: 'expired while its approvals carry',
    start: 'approved',
    append: ['request.expired', { round: 1 }, { at: minute(30) }],
    state: standing('expired'),
    named: 'not_expired_early',
  },
  {
    what: 'denied because of somebody inactive who is active',
    start: 'pending',
    append: denied({ by: 'policy', code: 'requester_inactive' }),
    state: standing('denied', 'policy'),
    named: 'evaluations_repeat',
  },
  {
    what: 'denied for what no evaluation says',
    start: 'pending',
    append: denied({ by: 'policy', code: 'target_removed' }),
    state: standing('denied', 'policy'),
    named: 'evaluations_repeat',
  },
];

describe('an end that nothing leads to', () => {
  it.each(ENDS)('fails: $what, once $start', async ({ start, append, state, named = 'steps_in_order' }) => {
    const story = await STARTS[start]();
    story.entries.push(entry(...append));
    const found = await notHeld(wholeEvidence(story, state), story);
    expect(found[named]).toMatch(/^failed: /);
  });

  it('is not shown where an execution is refused before it is claimed, whatever facts it names', async () => {
    const story = await unclaimedStory();
    const facts = { by: 'policy', code: 'forbidden', round: 1, facts_digest: FACTS_DIGEST };
    story.entries.push(entry('execution.failed', facts, LATER));
    const state = { ...standing('failed'), executions: GIVEN_BACK };
    expect(await notHeld(wholeEvidence(story, state), story)).toEqual({
      policy_refusals_shown: expect.stringMatching(/^not_shown: /),
    });
  });

  it.each([
    { what: 'while it waited', start: 'pending', status: 'cancelled' },
    { what: 'after its approval', start: 'approved', status: 'cancelled' },
    { what: 'between two claims', start: 'unclaimed', status: 'failed' },
  ] as const)('is none where it was lost $what', async ({ start, status }) => {
    const story = await STARTS[start]();
    story.entries.push(entry(...orphaned(status)));
    const state = { ...standing(status), executions: start === 'unclaimed' ? GIVEN_BACK : [] };
    expect(await notHeld(wholeEvidence(story, state), story)).toEqual({});
  });
});

describe('a refusal', () => {
  it.each(['not_eligible', 'already_decided', 'reason_required', 'self_approval', 'switched_off'])(
    'of a denial by somebody who could decide fails: %s',
    async (code) => {
      const story = await refused(await pendingStory(keys), code);
      const found = await notHeld(wholeEvidence(story, standing('pending')), story);
      expect(found).toEqual({ refusals_right: expect.stringMatching(/^failed: /) });
    },
  );

  it.each([
    ['not_eligible', 'out'],
    ['use_withdraw', 'olga'],
    ['reviewer_unknown', 'nobody'],
  ])('of a denial that does not count holds: %s', async (code, subject) => {
    const story = await refused(await pendingStory(keys), code, { reviewer: { issuer: ISSUER, subject } });
    expect(await notHeld(wholeEvidence(story, standing('pending')), story)).toEqual({});
  });

  it('of a denial that takes an approval back fails', async () => {
    const story = await pendingStory(keys);
    await decide(story, signedDecision('ann'));
    await refused(story, 'already_decided', { id: `dec_${'z'.repeat(26)}`, verdict: 'deny' });
    const found = await notHeld(wholeEvidence(story, standing('pending')), story);
    expect(found).toEqual({ refusals_right: expect.stringMatching(/^failed: .*could decide/) });
  });

  it('of a further approval of who approved fails where it would fill a seat', async () => {
    const story = await pendingStory(keys);
    await refused(story, 'already_decided', { verdict: 'approve' });
    const found = await notHeld(wholeEvidence(story, standing('pending')), story);
    expect(found).toEqual({ refusals_right: expect.stringMatching(/^failed: /) });
  });

  it('of a second answer holds, and is not shown where who answered first is erased', async () => {
    const story = await pendingStory(keys);
    await decide(story, signedDecision('ann'));
    await refused(story, 'already_decided', { id: `dec_${'z'.repeat(26)}`, verdict: 'approve' });
    const evidence = wholeEvidence(story, standing('pending'));
    expect(await notHeld(evidence, story)).toEqual({});
    delete evidence.inputs.people['per_ann'];
    const found = await notHeld(evidence, story);
    expect(found['refusals_right']).toMatch(/^not_shown: .*erased/);
  });

  it.each([
    ['before the approvals', 3, /^failed: .*before the request was approved/],
    ['after them', 6, /^failed: .*not executed/],
  ] as const)('of a denial as too late, which was signed %s', async (_what, at, outcome) => {
    const story = await approvedStory();
    await refused(story, 'request_not_pending', {
      id: `dec_${'z'.repeat(26)}`,
      reviewer: { issuer: ISSUER, subject: 'eve' },
      issued_at: minute(at),
    });
    const found = await notHeld(wholeEvidence(story, standing('approved')), story);
    expect(found).toEqual({ refusals_right: expect.stringMatching(outcome) });
  });

  it('of a withdrawal in time, by somebody behind the request, fails', async () => {
    const story = await pendingStory(keys);
    const id = `wdr_${'a'.repeat(26)}`;
    const by = { issuer: ISSUER, subject: 'agent' };
    const envelope = await signEnvelope(
      { kind: 'withdrawal', id, request: REQUEST, by, reason: null, issued_at: minute(4) },
      keys.signer,
    );
    story.envelopes.push(envelope);
    const evidence = { grade: 'C' as const, refs: [sha256(envelope)] };
    const facts = { round: 1, withdrawal: id, code: 'request_finished' };
    story.entries.push(entry('request.withdrawal_refused', facts, { evidence, decision_digest: DECISION }));
    const found = await notHeld(wholeEvidence(story, standing('pending')), story);
    expect(found).toEqual({ withdrawals_signed: expect.stringMatching(/^failed: /) });
  });
});

describe('the policy of an entry', () => {
  it.each([
    ['was the active one', [installed(POLICY, 0), installed(ALLOWING, 1, minute(1))], undefined],
    [
      'was made active again',
      [
        installed(POLICY, 0),
        installed(ALLOWING, 1, minute(-9)),
        installed(POLICY, 2, minute(-8)),
        installed(ALLOWING, 3, minute(1)),
      ],
      undefined,
    ],
    ['was replaced before', [installed(ALLOWING, 0, minute(-20)), installed(POLICY, 1)], /replaced before/],
    ['came later', [installed(POLICY, 0), installed(ALLOWING, 1, minute(9))], /no entry made active/],
  ] as const)('%s', async (_what, entries, fault) => {
    const story = await pendingStory(keys);
    const evidence = wholeEvidence(story, allow(story));
    const found = await notHeld(
      { ...evidence, inputs: { ...evidence.inputs, policy_entries: [...entries] } },
      story,
    );
    if (fault) expect(found['policies_installed']).toMatch(fault);
    else expect(found).toEqual({});
  });
});
