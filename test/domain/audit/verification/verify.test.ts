import * as fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { leafText, type LeafType } from '../../../../domain/audit/leaf.ts';
import { canonicalJson } from '../../../../domain/crypto/canonical-json.ts';
import { sha256 } from '../../../../domain/crypto/digest.ts';
import { signEnvelope } from '../../../../domain/crypto/envelope.ts';
import { verifyRequest } from '../../../../domain/audit/verification/verify.ts';
import {
  counted,
  decide,
  editLeaf,
  entry,
  evidenceOf,
  failures,
  failuresOf,
  find,
  makeKeys,
  NOW,
  pendingStory,
  executedStory,
  refact,
  rewrite,
  signedDecision,
  type Keys,
  type Story,
} from './story.ts';
import { allow, notHeld, wholeEvidence } from './whole.ts';
import { ISSUER, minute } from './policy.ts';

let keys: Keys;
let story: Story;

beforeAll(async () => {
  keys = await makeKeys();
});

beforeEach(async () => {
  story = await executedStory(keys);
});

describe('what nobody signed and nothing shows', () => {
  const outcomes = async (last: Parameters<typeof entry>[1], type: LeafType, more = {}): Promise<unknown> => {
    const ended = await pendingStory(keys);
    ended.entries.push(entry(type, last));
    const whole = wholeEvidence(ended);
    const evidence = { ...whole, inputs: { ...whole.inputs, ...more } };
    const report = await verifyRequest(evidence, keys.published, NOW);
    return report.checks
      .filter(({ name }) => ['withdrawals_signed', 'policy_refusals_shown'].includes(name))
      .map(({ outcome }) => outcome);
  };

  it('a withdrawal without a signature', async () => {
    const made = { round: 1, withdrawal: `wdr_${'b'.repeat(26)}` };
    expect(await outcomes(made, 'request.withdrawn')).toEqual(['not_shown', 'ok']);
  });

  it.each(['requester_inactive', 'target_removed', 'switched_off'])('a denial for %s', async (code) => {
    const denied = { by: 'policy', code, round: 1 };
    expect(await outcomes(denied, 'request.denied')).toEqual(['ok', 'not_shown']);
  });

  it.each([
    ['ok', 'target', 'shop', minute(5)],
    ['not_shown', 'target', 'elsewhere', minute(5)],
    ['not_shown', 'target', 'shop', minute(30)],
    ['ok', 'all', null, minute(5)],
  ])('is %s for a switch of %s %s engaged at %s', async (...[outcome, kind, scope, at]) => {
    const denied = { by: 'policy', code: 'switched_off', round: 1, switch: 'swi_1' };
    const { draft } = entry('switch.thrown', { switch: 'swi_1', kind, scope }, { at });
    const position = {
      id: 'switches/0',
      request: 'switches',
      run: 'switches',
      namespace: '',
      n: 0,
      prev: null,
    };
    const text = leafText(draft, { ...position, nonce: 'ab', salts: {} });
    expect(await outcomes(denied, 'request.denied', { switch_entries: [text] })).toEqual(['ok', outcome]);
  });

  it('is ok for a switch of an agent whose account is erased', async () => {
    const denied = { by: 'policy', code: 'switched_off', round: 1, switch: 'swi_1' };
    const parts = { scope: 'former-name', account: { issuer: ISSUER, subject: 'agent' } };
    const facts = { switch: 'swi_1', kind: 'agent' };
    const { draft } = entry('switch.thrown', facts, { at: minute(5), parts });
    const salts = { scope: '00', account: '00' };
    const position = {
      id: 'switches/0',
      request: 'switches',
      run: 'switches',
      namespace: '',
      n: 0,
      prev: null,
    };
    const text = leafText(draft, { ...position, nonce: 'ab', salts });
    const body = canonicalJson(parts.scope);
    const left = [{ event_id: 'switches/0', part: 'scope', salt: '00', body }];
    const inputs = { switch_entries: [text], switch_parts: left };
    expect(await outcomes(denied, 'request.denied', inputs)).toEqual(['ok', 'ok']);
  });
});

describe('a whole story', () => {
  it('passes every check when two people approved and it ran once', async () => {
    const report = await verifyRequest(wholeEvidence(story), keys.published, NOW);
    expect(report.checks.filter((check) => !check.ok)).toEqual([]);
    expect([report.ok, report.outcome]).toEqual([true, 'ok']);
    expect(report.checks.length).toBeGreaterThanOrEqual(28);
  });

  it('passes while it is still pending', async () => {
    expect(await failuresOf(await pendingStory(keys))).toEqual([]);
  });

  it('passes when a person denied it', async () => {
    const denied = await pendingStory(keys);
    await decide(denied, signedDecision('ann', { verdict: 'deny' }));
    denied.entries.push(entry('request.denied', { by: 'person', round: 1 }));
    expect(await failuresOf(denied)).toEqual([]);
  });

  it('passes when policy allowed it without asking anybody', async () => {
    const allowed = await pendingStory(keys);
    const state = allow(allowed);
    expect(await notHeld(wholeEvidence(allowed, state), allowed)).toEqual({});
  });

  it('passes when a deferral came before the approval of the same person', async () => {
    const deferred = await pendingStory(keys);
    const defer = { until: minute(9), to: null };
    const first = signedDecision('ann', { id: `dec_${'d'.repeat(26)}`, verdict: 'defer', defer });
    await decide(deferred, first);
    await decide(deferred, signedDecision('ann', { issued_at: minute(6) }));
    await decide(deferred, signedDecision('ben', { issued_at: minute(6) }));
    deferred.entries.push(entry('request.approved', { round: 1 }));
    expect(await failuresOf(deferred)).toEqual([]);
  });

  it('passes when a claim was fenced off and claimed again', async () => {
    const claimed = story.entries.findIndex(({ draft }) => draft.type === 'execution.claimed');
    story.entries.splice(
      claimed,
      0,
      entry('execution.claimed', { attempt: 0, idempotency_key: 'key-0', round: 1 }, { at: minute(7) }),
      entry('execution.not_done', { attempt: 0 }, { at: minute(7) }),
    );
    expect(await failuresOf(story)).toEqual([]);
  });

  it('passes when an erased part is not there, and lists it', async () => {
    const evidence = wholeEvidence(story);
    evidence.payloads = [];
    const report = await verifyRequest(evidence, keys.published, NOW);
    expect(report.ok).toBe(true);
    expect(report.checks.find((check) => check.name === 'commitments_match')?.detail).toContain(
      'summary of entry 1',
    );
  });

  it('passes when another run was only refused, and says so', async () => {
    story.entries.push({ ...entry('request.orphaned', {}), run: 'run-2' });
    const report = await verifyRequest(wholeEvidence(story), keys.published, NOW);
    expect(report.ok).toBe(true);
    expect(report.checks.find((check) => check.name === 'single_run')?.detail).toContain('run-2');
  });
});

describe('a changed log', () => {
  it('names text that is not canonical', async () => {
    const evidence = evidenceOf(story);
    evidence.leaves[7] = evidence.leaves[7]?.replace('{', '{ ') ?? '';
    expect(failures(await verifyRequest(evidence, keys.published, NOW))).toEqual(['leaves_canonical']);
  });

  it.each(['', 'null', '{}', '[1]', '{"v":1}', '{"__proto__":{}}', '"\\ud800"'])(
    'names %j instead of an entry',
    async (text) => {
      const evidence = evidenceOf(story);
      evidence.leaves.push(text);
      expect(failures(await verifyRequest(evidence, keys.published, NOW))).toEqual(['leaves_canonical']);
    },
  );

  it('names an entry larger than the log can hold', async () => {
    const evidence = evidenceOf(story);
    editLeaf(evidence, 7, (leaf) => ({ ...leaf, facts: { ...leaf.facts, more: 'x'.repeat(66_000) } }));
    expect(failures(await verifyRequest(evidence, keys.published, NOW))).toEqual(['leaves_canonical']);
  });

  it('names a removed entry, whichever it is but the last', async () => {
    for (let index = 0; index < story.entries.length - 1; index += 1) {
      const evidence = evidenceOf(story);
      evidence.leaves.splice(index, 1);
      expect(failures(await verifyRequest(evidence, keys.published, NOW))).toContain('chain_unbroken');
    }
  });

  it('names two entries that changed places', async () => {
    const evidence = evidenceOf(story);
    evidence.leaves.splice(3, 2, evidence.leaves[4] ?? '', evidence.leaves[3] ?? '');
    expect(failures(await verifyRequest(evidence, keys.published, NOW))).toContain('chain_unbroken');
  });

  it('never passes when any character of an entry before the last changes', async () => {
    const evidence = evidenceOf(story);
    const changes = fc.tuple(
      fc.nat(evidence.leaves.length - 2),
      fc.nat(),
      fc.constantFrom('0', 'x', '"', ' ', '}'),
    );
    await fc.assert(
      fc.asyncProperty(changes, async ([index, position, character]) => {
        const text = evidence.leaves[index] ?? '';
        const at = position % text.length;
        fc.pre(text[at] !== character);
        const leaves = evidence.leaves.with(index, text.slice(0, at) + character + text.slice(at + 1));
        expect((await verifyRequest({ ...evidence, leaves }, keys.published, NOW)).ok).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('names a second run that acted as a fork', async () => {
    story.entries.push({ ...entry('request.approved', { round: 1 }), run: 'run-2' });
    expect(await failuresOf(story)).toEqual(['single_run']);
  });

  it('names entries of another request', async () => {
    const evidence = evidenceOf(story);
    const report = await verifyRequest(
      { ...evidence, request: `req_${'b'.repeat(26)}` },
      keys.published,
      NOW,
    );
    expect(failures(report)).toEqual(['leaves_canonical', 'envelopes_signed']);
  });

  it('names a part that was changed, added or given twice', async () => {
    const evidence = evidenceOf(story);
    const [payload] = evidence.payloads;
    if (!payload) throw new Error('the story has no payload');
    for (const payloads of [
      [{ ...payload, body: '"updates 0 rows"' }],
      [{ ...payload, part: 'other' }],
      [payload, payload],
    ]) {
      expect(failures(await verifyRequest({ ...evidence, payloads }, keys.published, NOW))).toEqual([
        'commitments_match',
      ]);
    }
  });

  it('names a missing fact, and never replays without it', async () => {
    refact(find(story, 'request.pending'), { requirement: null });
    expect(await failuresOf(story)).toEqual(expect.arrayContaining(['facts_complete', 'tally_replays']));
  });

  it('names evidence without entries', async () => {
    const evidence = { ...evidenceOf(story), leaves: [] };
    expect(failures(await verifyRequest(evidence, keys.published, NOW))).toContain('leaves_canonical');
  });
});

describe('signatures', () => {
  it('names every envelope that other keys made', async () => {
    const others = await makeKeys('k1');
    const report = await verifyRequest(evidenceOf(story), others.published, NOW);
    expect(failures(report)).toEqual(
      expect.arrayContaining(['envelopes_signed', 'request_signed', 'decisions_signed']),
    );
  });

  it('names an envelope that no entry records', async () => {
    story.envelopes.push(await signEnvelope(signedDecision('eve'), keys.signer));
    expect(await failuresOf(story)).toEqual(['envelopes_recorded']);
  });

  it('names a decision without its envelope', async () => {
    story.envelopes.pop();
    expect(await failuresOf(story)).toEqual(['decisions_signed']);
  });

  it('names a decision that was signed for another request', async () => {
    const foreign = signedDecision('ann', {
      id: `dec_${'f'.repeat(26)}`,
      request: `req_${'b'.repeat(26)}`,
      verdict: 'defer',
    });
    const pending = await pendingStory(keys);
    await decide(pending, foreign);
    expect(await failuresOf(pending)).toEqual(['envelopes_signed']);
  });

  it('names a decision entry that says something else than its envelope', async () => {
    refact(find(story, 'decision.counted'), { channel: 'temporal' });
    expect(await failuresOf(story)).toEqual(['decisions_signed']);
  });

  it('names a denial that was recorded as an approval', async () => {
    const twisted = await pendingStory(keys);
    const denial = signedDecision('ann', { verdict: 'deny' });
    await decide(twisted, denial);
    refact(twisted.entries[3] ?? find(twisted, 'decision.counted'), { verdict: 'approve' });
    expect(await failuresOf(twisted)).toEqual(['decisions_signed']);
  });

  it.each([
    ['another card', { digest: sha256('other'), opened: ['plan', 'effects'] }],
    ['more opened', { digest: sha256('card'), opened: ['plan', 'effects', 'risk'] }],
    ['nothing', null],
  ])('names an entry that says %s was shown than was signed', async (_what, view) => {
    refact(find(story, 'decision.counted'), { view });
    expect(await failuresOf(story)).toEqual(['decisions_signed']);
  });

  it('says of each decision which card was shown', async () => {
    const { checks } = await verifyRequest(evidenceOf(story), keys.published, NOW);
    expect(checks.find(({ name }) => name === 'decisions_signed')?.detail).toBe(
      `2 decisions; entry 3 (decision.counted) card shown: ${sha256('card')}, opened: plan, effects; entry 4 (decision.counted) card not shown`,
    );
  });

  it('names a stronger grade than was signed', async () => {
    const found = find(story, 'decision.counted');
    rewrite(found, { evidence: { grade: 'A', refs: found.draft.evidence?.refs ?? [] } });
    expect(await failuresOf(story)).toEqual(['decisions_signed']);
  });

  it('names a decision that counts twice', async () => {
    const envelope = story.envelopes[1] ?? '';
    story.entries.splice(5, 0, counted(signedDecision('ann'), envelope));
    expect(await failuresOf(story)).toEqual(['decisions_signed', 'distinct_people']);
  });

  it('names a received request that is not the signed one', async () => {
    refact(find(story, 'request.received'), { target: 'payroll' });
    expect(await failuresOf(story)).toEqual(['request_signed']);
  });

  it('names an intent that changed on the way', async () => {
    rewrite(find(story, 'execution.succeeded'), { intent_digest: sha256('another intent') });
    expect(await failuresOf(story)).toEqual(['request_signed']);
  });

  it('counts a ticket at the time of its use only while it is valid', async () => {
    for (const [usedAt, expected] of [
      [8, []],
      [11, ['decisions_signed']],
    ] as const) {
      const used = await pendingStory(keys);
      await decide(used, signedDecision('ann', { ticket_expires_at: minute(10), channel: 'temporal' }));
      refact(find(used, 'decision.counted'), { at: minute(usedAt) });
      expect(await failuresOf(used)).toEqual(expected);
    }
  });
});
