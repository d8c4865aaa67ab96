import { beforeAll, describe, expect, it } from 'vitest';

import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { verifyRequest, type VerificationReport } from '../../../../domain/audit/verification/verify.ts';
import { minute, REQUIREMENT } from './policy.ts';
import {
  entry,
  evidenceOf,
  find,
  makeKeys,
  NOW,
  pendingStory,
  executedStory,
  refact,
  type Keys,
  type Story,
} from './story.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

async function lineOf(story: Story, name: string): Promise<VerificationReport['checks'][number] | undefined> {
  const report = await verifyRequest(evidenceOf(story), keys.published, NOW);
  return report.checks.find((check) => check.name === name);
}

const MINUTE_MS = 60_000;

/** The requirement of the story, whose first stage widens to Eve after ten minutes; a second stage follows it. */
function laddered(): JsonValue {
  const [rule] = REQUIREMENT.rules;
  if (!rule) throw new Error('the requirement has no rule');
  const escalate = [{ after_ms: 10 * MINUTE_MS, to: 'user:eve' as const }];
  const first = { any: ['group:dba' as const], quorum: 2, escalate };
  const rules = [{ ...rule, order: 'sequential', stages: [first, { ...first, any: ['user:olga'] }] }];
  return JSON.parse(JSON.stringify({ ...REQUIREMENT, rules })) as JsonValue;
}

const DUE = { rule: 0, stage: 0, to: 'user:eve', at: minute(11) };

async function escalated(facts: Record<string, JsonValue>, at: string): Promise<string | undefined> {
  const story = await pendingStory(keys);
  refact(find(story, 'request.pending'), { requirement: laddered() });
  story.entries.push(entry('request.escalated', facts, { at }));
  return (await lineOf(story, 'escalations_due'))?.outcome;
}

describe('an escalation on record', () => {
  it.each([
    ['as the requirement says', DUE, minute(11)],
    ['by business time, later', { ...DUE, at: minute(40) }, minute(40)],
  ])('is computed again from what was asked: %s', async (_what, facts, at) => {
    expect(await escalated(facts, at)).toBe('ok');
  });

  it.each([
    ['to somebody else', { ...DUE, to: 'group:nobody' }, minute(11)],
    ['of another rule', { ...DUE, rule: 3 }, minute(11)],
    ['of a stage that is not open', { ...DUE, stage: 1 }, minute(11)],
    ['before it was due', { ...DUE, at: minute(2) }, minute(11)],
    ['written before it was due', DUE, minute(9)],
    ['of no form', { to: 'user:eve' }, minute(11)],
  ])('is wrong %s', async (_what, facts, at) => {
    expect(await escalated(facts, at)).toBe('failed');
  });

  it('is there once', async () => {
    const story = await pendingStory(keys);
    refact(find(story, 'request.pending'), { requirement: laddered() });
    for (let n = 0; n < 2; n += 1) story.entries.push(entry('request.escalated', DUE, { at: minute(11) }));
    expect((await lineOf(story, 'escalations_due'))?.outcome).toBe('failed');
  });
});

describe('entries that nobody signed', () => {
  it.each([
    ['decision.attempt_refused', { code: 'self_approval', count: 3 }],
    ['decision.unauthenticated', { count: 2, was_final: false }],
    ['request.withdrawal_refused', { code: 'forbidden' }],
    ['request.held', { until: minute(90), why: 'freeze', round: 1 }],
    ['request.approval_stale', { why: 'approval_stale', round: 1 }],
  ] as const)('are counted and named: %s', async (type, facts) => {
    const story = await pendingStory(keys);
    expect((await lineOf(story, 'unsigned_entries'))?.detail).toBe(
      '0 of 3 rest on the word of Keyturn alone',
    );
    story.entries.push(entry(type, facts));
    expect(await lineOf(story, 'unsigned_entries')).toMatchObject({
      outcome: 'ok',
      detail: `1 of 4 rest on the word of Keyturn alone: entry 3 (${type})`,
    });
  });

  it('are those of outcomes, too: only the target can say otherwise', async () => {
    const line = await lineOf(await executedStory(keys), 'unsigned_entries');
    expect(line?.detail).toMatch(/^1 of 8 .*\(execution\.succeeded\)$/);
  });
});
