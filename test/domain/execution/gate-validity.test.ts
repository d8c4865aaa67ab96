import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { gateRequestId, requestId } from '../../../domain/identity/ids.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { signEnvelope, type SignedRequest } from '../../../domain/crypto/envelope.ts';
import { evaluate, type Evaluation } from '../../../domain/policy/evaluation.ts';
import {
  allowedForMs,
  approvedUntil,
  cutAt,
  isAllowedAtOnce,
} from '../../../domain/execution/gate-validity.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import {
  ACTION,
  reviewBy,
  DIRECTORY,
  exampleRule,
  FACTS,
  ISSUER,
  MINUTE_MS,
  minutes,
  policyOf,
  requirement,
  stage,
} from '../examples.ts';
import {
  entry,
  failuresOf,
  makeKeys,
  refact,
  signedRequest,
  type Keys,
  type Story,
} from '../audit/verification/story.ts';
import { minute } from '../audit/verification/policy.ts';

const LINEAGE = [{ role: 'requester' as const, issuer: ISSUER, subject: 'agent-billing' }];
const QUESTION = { directory: DIRECTORY, action: ACTION.action, lineage: LINEAGE };

function gatePolicy(changes: Partial<PolicySet> = {}): PolicySet {
  const rules = [exampleRule('open', 'allow'), exampleRule('short', 'allow', { valid_for_ms: MINUTE_MS })];
  return policyOf(rules, { actions: [{ ...ACTION, connector: null }], ...changes });
}

function evaluated(policy: PolicySet): Evaluation {
  return evaluate(policy, { ...FACTS, plan: null, windows: {} }, 'planned');
}

describe('an allow on the spot', () => {
  it('is given for a plain allow', () => {
    const policy = gatePolicy();
    expect(isAllowedAtOnce(QUESTION, evaluated(policy))).toBe(true);
  });

  it('is not given in doubt, against a rule, for Keyturn itself, or when somebody behind it is deactivated', () => {
    const allowed = evaluated(gatePolicy());
    expect(isAllowedAtOnce(QUESTION, { ...allowed, is_degraded: true })).toBe(false);
    expect(isAllowedAtOnce(QUESTION, { ...allowed, effect: 'review' })).toBe(false);
    expect(isAllowedAtOnce(QUESTION, { ...allowed, effect: 'forbid' })).toBe(false);
    expect(isAllowedAtOnce({ ...QUESTION, action: 'keyturn.publish' }, allowed)).toBe(false);
    const people = DIRECTORY.people.map((person) =>
      person.id === 'ada' ? { ...person, active: false } : person,
    );
    expect(isAllowedAtOnce({ ...QUESTION, directory: { ...DIRECTORY, people } }, allowed)).toBe(false);
  });

  it('lasts five minutes, or the shortest time of the rules that matched', () => {
    expect(allowedForMs(gatePolicy(), { rules: [] })).toBe(5 * MINUTE_MS);
    expect(allowedForMs(gatePolicy(), evaluated(gatePolicy()))).toBe(MINUTE_MS);
    const long = gatePolicy({ rules: [exampleRule('long', 'allow', { valid_for_ms: 9e9 })] });
    expect(allowedForMs(long, evaluated(long))).toBe(24 * 60 * MINUTE_MS);
    const onlyOpen = { rules: [{ id: 'open', source: '', because: null }] };
    expect(allowedForMs(gatePolicy(), onlyOpen)).toBe(5 * MINUTE_MS);
  });
});

it('an answer ends where the start does, and is never made longer by it', () => {
  expect(cutAt(minutes(5), null)).toBe(minutes(5));
  expect(cutAt(minutes(5), minutes(6))).toBe(minutes(5));
  expect(cutAt(minutes(5), minutes(4))).toBe(minutes(4));
});

describe('an approval by people', () => {
  const two = requirement([
    reviewBy([stage(['group:dba'])], { rule: 'short', maximum_age_ms: 10 * MINUTE_MS }),
    reviewBy([stage(['owners'])], { rule: 'long', maximum_age_ms: 60 * MINUTE_MS }),
  ]);

  it('ends when the first of the approvals goes stale for its rule', () => {
    const approvals = [
      { at: minutes(0), seats: [{ rule: 0, stage: 0 }] },
      { at: minutes(0), seats: [{ rule: 1, stage: 0 }] },
    ];
    expect(approvedUntil(two, approvals, minutes(4))).toBe(minutes(10));
  });

  it('ends at the strictest maximum age from now on at the latest', () => {
    expect(approvedUntil(two, [{ at: minutes(30), seats: [{ rule: 1, stage: 0 }] }], minutes(30))).toBe(
      minutes(40),
    );
  });

  it('is not ended by an approval that was given anew since', () => {
    const approvals = [
      { at: minutes(0), seats: [{ rule: 0, stage: 0 }] },
      { at: minutes(20), seats: [{ rule: 0, stage: 0 }] },
    ];
    expect(approvedUntil(two, approvals, minutes(21))).toBe(minutes(30));
  });

  it('never lasts past the end of any approval that still counts, and always ends after now', () => {
    const approval = fc.record({
      at: fc.integer({ min: 0, max: 100 }).map(minutes),
      seats: fc.array(fc.record({ rule: fc.constantFrom(0, 1), stage: fc.constant(0) }), {
        minLength: 1,
        maxLength: 2,
      }),
    });
    fc.assert(
      fc.property(fc.array(approval, { maxLength: 6 }), (approvals) => {
        const now = minutes(100);
        const until = Date.parse(approvedUntil(two, approvals, now));
        expect(until).toBeGreaterThan(Date.parse(now));
        expect(until).toBeLessThanOrEqual(Date.parse(minutes(110)));
        for (const { at, seats } of approvals) {
          const end = Math.min(
            ...seats.map(({ rule }) => Date.parse(at) + (rule === 0 ? 10 : 60) * MINUTE_MS),
          );
          if (end > Date.parse(now)) expect(until).toBeLessThanOrEqual(end);
        }
      }),
    );
  });
});

it('ids of gate requests are never those of others, whatever the keys', () => {
  const key = new Uint8Array(32);
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (subject, left, right) => {
      const requester = { issuer: ISSUER, subject };
      expect(gateRequestId(key, requester, left)).not.toBe(requestId(key, requester, right));
    }),
  );
});

describe('evidence of an answer on the spot', () => {
  let keys: Keys;
  beforeAll(async () => {
    keys = await makeKeys();
  });

  async function answered(change: Partial<SignedRequest> = {}): Promise<Story> {
    const signed = signedRequest({ mode: 'gate', ...change });
    const envelope = await signEnvelope(signed, keys.signer);
    const facts = { action: signed.action, schema_version: 1, target: signed.target, mode: signed.mode };
    const evidence = { grade: 'C' as const, refs: [sha256(envelope)] };
    const allowed = entry('gate.allowed', facts, { at: minute(0), decision_digest: null, evidence });
    return { keys, envelopes: [envelope], entries: [{ ...allowed, run: 'gate' }] };
  }

  it('passes every check', async () => {
    expect(await failuresOf(await answered())).toEqual([]);
  });

  it('fails for a request that was to be executed', async () => {
    expect(await failuresOf(await answered({ mode: 'execute' }))).toEqual(['request_signed']);
  });

  it('fails when the entry says something else than was signed', async () => {
    const story = await answered();
    for (const found of story.entries) refact(found, { target: 'elsewhere' });
    expect(await failuresOf(story)).toEqual(['request_signed']);
  });

  it('fails without the signed request', async () => {
    const story = await answered();
    expect(await failuresOf({ ...story, envelopes: [] })).toEqual(['request_signed']);
  });

  it('fails beside a workflow of the same request, or when anything follows the answer', async () => {
    const story = await answered();
    const claimed = entry('execution.claimed', { attempt: 1, idempotency_key: 'k', round: 1 });
    expect(await failuresOf({ ...story, entries: [...story.entries, claimed] })).toContain('single_run');
    const after = { ...claimed, run: 'gate' };
    expect(await failuresOf({ ...story, entries: [...story.entries, after] })).toContain('steps_in_order');
  });
});
