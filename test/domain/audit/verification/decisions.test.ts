import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { sha256 } from '../../../../domain/crypto/digest.ts';
import { signEnvelope } from '../../../../domain/crypto/envelope.ts';
import {
  decide,
  DECISION,
  entry,
  failuresOf,
  find,
  makeKeys,
  pendingEntry,
  pendingStory,
  executedStory,
  refact,
  rewrite,
  signedDecision,
  signedRequest,
  type Keys,
  type Story,
} from './story.ts';
import { minute, REQUIREMENT } from './policy.ts';

let keys: Keys;
let story: Story;

beforeAll(async () => {
  keys = await makeKeys();
});

beforeEach(async () => {
  story = await executedStory(keys);
});

describe('who decided', () => {
  it('names an approval by a person behind the request', async () => {
    refact(find(story, 'request.pending'), { lineage_persons: ['per_ann'] });
    expect(await failuresOf(story)).toEqual(['nobody_decided_own_request']);
  });

  it('names an approval with an account that the request names, under any pseudonym', async () => {
    const own = await pendingStory(keys);
    const lineage = [
      { role: 'requester' as const, issuer: 'https://id.example', subject: 'agent' },
      { role: 'on_behalf_of' as const, issuer: 'https://id.example', subject: 'ann' },
    ];
    const envelope = await signEnvelope(signedRequest({ lineage }), keys.signer);
    own.envelopes[0] = envelope;
    rewrite(find(own, 'request.received'), { evidence: { grade: 'C', refs: [sha256(envelope)] } });
    refact(find(own, 'request.received'), {
      lineage: lineage.map(({ role }) => ({ role, account: 'acc_x' })),
    });
    await decide(own, signedDecision('ann'), 'per_somebody_else');
    expect(await failuresOf(own)).toEqual(['digests_follow', 'nobody_decided_own_request']);
  });

  it('names one account that counts as two people', async () => {
    const double = await pendingStory(keys);
    await decide(double, signedDecision('ann'));
    await decide(double, signedDecision('ann', { id: `dec_${'e'.repeat(26)}` }), 'per_ben');
    double.entries.push(entry('request.approved', { round: 1 }));
    expect(await failuresOf(double)).toEqual(['distinct_people']);
  });

  it('names a second answer of a person, unless the first went stale', async () => {
    for (const [second, expected] of [
      [10, ['distinct_people']],
      [40, []],
    ] as const) {
      const again = await pendingStory(keys);
      await decide(again, signedDecision('ann'));
      await decide(again, signedDecision('ann', { id: `dec_${'e'.repeat(26)}`, issued_at: minute(second) }));
      expect(await failuresOf(again)).toEqual(expected);
    }
  });

  it('lets a person take an approval back by a denial, and not a denial by anything', async () => {
    const id = `dec_${'e'.repeat(26)}`;
    for (const [first, second, expected] of [
      ['approve', 'deny', []],
      ['deny', 'deny', ['distinct_people']],
      ['deny', 'approve', ['distinct_people']],
    ] as const) {
      const again = await pendingStory(keys);
      await decide(again, signedDecision('ann', { verdict: first }));
      await decide(again, signedDecision('ann', { id, verdict: second, issued_at: minute(10) }));
      expect(await failuresOf(again)).toEqual(expected);
    }
  });

  it('names an approval with one person where two were required', async () => {
    story.entries = story.entries.filter((_, index) => index !== 4);
    story.envelopes.pop();
    expect(await failuresOf(story)).toEqual(['tally_replays']);
  });

  it('names an approval that rests on seats of another rule', async () => {
    refact(find(story, 'decision.counted'), { seats: [{ rule: 1, stage: 0 }] });
    expect(await failuresOf(story)).toEqual(['tally_replays']);
  });

  it('names an approval below the required grade', async () => {
    const rules = REQUIREMENT.rules.map((rule) => ({ ...rule, minimum_grade: 'A' }));
    refact(find(story, 'request.pending'), {
      requirement: JSON.parse(JSON.stringify({ ...REQUIREMENT, rules })),
    });
    expect(await failuresOf(story)).toEqual(['digests_follow', 'tally_replays']);
  });

  it('names a requirement that was loosened afterwards until the signatures there are would do', async () => {
    const rules = REQUIREMENT.rules.map((rule) => ({
      ...rule,
      stages: [{ any: ['group:dba'], quorum: 1, escalate: [] }],
    }));
    refact(find(story, 'request.pending'), {
      requirement: JSON.parse(JSON.stringify({ ...REQUIREMENT, rules })),
    });
    story.entries = story.entries.filter((_, index) => index !== 4);
    story.envelopes.pop();
    expect(await failuresOf(story)).toEqual(['digests_follow']);
  });

  it('names a plan whose effects were rewritten or left out', async () => {
    for (const effects of [
      null,
      [{ resource: 'public.account', inserted: 0, updated: 9, deleted: 0, is_counts_only: true }],
    ]) {
      refact(find(story, 'request.planned'), { effects });
      expect(await failuresOf(story)).toEqual(['digests_follow']);
    }
  });

  it('names a denial that nobody made', async () => {
    const denied = await pendingStory(keys);
    denied.entries.push(entry('request.denied', { by: 'person', round: 1 }));
    expect(await failuresOf(denied)).toEqual(['tally_replays']);
  });

  it('names an execution on approvals that had gone stale', async () => {
    for (const found of story.entries.slice(6)) rewrite(found, { at: minute(50) });
    expect(await failuresOf(story)).toEqual(['tally_replays']);
  });

  it('names a decision after the expiry', async () => {
    refact(find(story, 'request.pending'), { expires_at: minute(6) });
    expect(await failuresOf(story)).toEqual(['decided_before_expiry']);
  });

  it.each([
    ['a denial of what was approved', 'deny', true, []],
    ['a denial of what was pending', 'deny', false, ['decided_before_expiry']],
  ] as const)('names a decision after the expiry, unless it stops what was approved: %s', async (...row) => {
    const [, verdict, isApproved, expected] = row;
    story.entries = story.entries.slice(0, isApproved ? 6 : 4);
    story.envelopes = story.envelopes.slice(0, isApproved ? 3 : 2);
    await decide(story, signedDecision('eve', { verdict, issued_at: minute(70) }));
    story.entries.push(entry('request.denied', { by: 'person', round: 1 }, { at: minute(70) }));
    expect(await failuresOf(story)).toEqual(expected);
  });

  it('names an expiry before the deadline', async () => {
    for (const [at, expected] of [
      [60, ['not_expired_early']],
      [61, []],
    ] as const) {
      const expired = await pendingStory(keys);
      expired.entries.push(entry('request.expired', { round: 1 }, { at: minute(at) }));
      expect(await failuresOf(expired)).toEqual(expected);
    }
  });

  it('names a decision on another digest than its round asked about', async () => {
    const other = await pendingStory(keys);
    await decide(other, signedDecision('ann', { decision_digest: sha256('another plan') }));
    expect(await failuresOf(other)).toEqual(['digests_agree']);
  });

  it('does not count decisions of an earlier round', async () => {
    const planned = find(story, 'request.planned');
    story.entries = [
      ...story.entries.slice(0, 6),
      entry('request.drifted', {}),
      planned,
      pendingEntry({ round: 2, pending_since: minute(7) }),
      entry('request.approved', { round: 2 }, { at: minute(7) }),
    ];
    expect(await failuresOf(story)).toContain('tally_replays');
  });
});

describe('the course', () => {
  const attempt = { attempt: 2, idempotency_key: 'key-2', round: 1 };

  it.each([
    ['an approval before anything was asked', 5, 2],
    ['a claim before the approval', 6, 5],
    ['an outcome before the claim', 7, 6],
  ])('names %s', async (_what, from, to) => {
    const [moved] = story.entries.splice(from, 1);
    if (moved) story.entries.splice(to, 0, moved);
    expect(await failuresOf(story)).toContain('steps_in_order');
  });

  it('names a second claim', async () => {
    story.entries.push(entry('execution.claimed', attempt, { at: minute(8) }));
    expect(await failuresOf(story)).toEqual(['steps_in_order', 'claimed_once']);
  });

  it('names an idempotency key that is used again', async () => {
    const claimed = story.entries.findIndex(({ draft }) => draft.type === 'execution.claimed');
    const first = entry('execution.claimed', { ...attempt, idempotency_key: 'key-1' }, { at: minute(7) });
    story.entries.splice(claimed, 0, first, entry('execution.not_done', { attempt: 2 }, { at: minute(7) }));
    expect(await failuresOf(story)).toEqual(['claimed_once']);
  });

  it('names an execution of another digest than the approved one', async () => {
    rewrite(find(story, 'execution.claimed'), { decision_digest: sha256('another') });
    expect(await failuresOf(story)).toEqual(['executed_as_approved']);
  });

  it('names an effect that is not the planned one', async () => {
    refact(find(story, 'execution.succeeded'), { fingerprint: sha256('another effect') });
    expect(await failuresOf(story)).toEqual(['executed_as_approved']);
  });

  it('names an execution that nobody approved', async () => {
    const bold = await pendingStory(keys);
    bold.entries.push(entry('execution.claimed', { ...attempt }, { decision_digest: DECISION }));
    expect(await failuresOf(bold)).toEqual(['steps_in_order', 'tally_replays', 'executed_as_approved']);
  });

  it('names a question about a plan that was never made', async () => {
    refact(find(story, 'request.planned'), { plan_digest: sha256('another plan') });
    expect(await failuresOf(story)).toEqual(['steps_in_order', 'digests_follow', 'executed_as_approved']);
  });

  it('names a round that is opened again', async () => {
    story.entries.splice(6, 2, entry('request.drifted', {}), find(story, 'request.planned'), pendingEntry());
    expect(await failuresOf(story)).toContain('steps_in_order');
  });
});
