import { beforeAll, describe, expect, it } from 'vitest';

import { sha256 } from '../../../../domain/crypto/digest.ts';
import { signEnvelope } from '../../../../domain/crypto/envelope.ts';
import { ISSUER, minute } from './policy.ts';
import { LIFECYCLES } from './lifecycles.ts';
import {
  decide,
  entry,
  find,
  makeKeys,
  pendingStory,
  executedStory,
  REQUEST,
  rewrite,
  signedDecision,
  type Keys,
  type Story,
} from './story.ts';
import { refused } from './spoiling.ts';
import { notHeld, standing, wholeEvidence, type WholeEvidence } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

type Row = NonNullable<WholeEvidence['state']['row']>;
type Decision = NonNullable<WholeEvidence['state']['decisions']>[number];

/** Another value than each field of a request that was executed has. */
const OTHER_ROW: Readonly<{ [Field in keyof Row]: Row[Field] }> = {
  action: 'deploy.release',
  schema_version: 2,
  target: 'crm',
  environment: 'sandbox',
  mode: 'gate',
  intent_digest: sha256('another'),
  lineage: [],
  requested_by: { issuer: 'https://id.example', subject: 'ada' },
  creation_policy: sha256('another'),
  created_at: minute(-5),
  is_break_glass: true,
  risk: 'low',
  risk_reasons: ['harmless'],
  matched_rules: ['another'],
  summary: 'reads only: nothing changes',
  requirement: null,
  pending_since: minute(3),
  expires_at: minute(900),
  held_until: minute(900),
  open_selectors: ['group:dba'],
  result: { rows: 0 },
  failure: { code: 'constraint', detail: '' },
};

const OTHER_DECISION: Readonly<{ [Field in keyof Decision]: Decision[Field] }> = {
  id: `dec_${'z'.repeat(26)}`,
  round: 9,
  person: 'ben',
  verdict: 'deny',
  takes_back: `dec_${'z'.repeat(26)}`,
  at: minute(4),
  grade: 'A',
  seats: [],
  reviewer: { issuer: 'https://id.example', subject: 'eve' },
  channel: 'temporal',
  reason: 'because',
  defer_until: minute(90),
  defer_to: 'group:dba',
  outcome: 'refused',
  refusal: 'self_approval',
};

async function executed(): Promise<{ readonly story: Story; readonly evidence: WholeEvidence }> {
  const story = await executedStory(keys);
  const result = { rows: 2 };
  rewrite(find(story, 'execution.succeeded'), { parts: { result } });
  const evidence = wholeEvidence(story);
  Object.assign(evidence.state.row ?? {}, { result });
  return { story, evidence };
}

describe('what people are shown of a request', () => {
  it.each(Object.keys(LIFECYCLES))('is what is on record: %s', async (name) => {
    const evidence = await LIFECYCLES[name]?.(keys);
    if (!evidence) expect.unreachable();
    expect(await notHeld(evidence, await pendingStory(keys))).toEqual({});
  });

  it('is compared with the part that an entry committed to', async () => {
    const { story, evidence } = await executed();
    expect(await notHeld(evidence, story)).toEqual({});
  });

  it.each(Object.keys(OTHER_ROW) as (keyof Row)[])(
    'is not whole with another %s in its row',
    async (field) => {
      const { story, evidence } = await executed();
      Object.assign(evidence.state.row ?? {}, { [field]: OTHER_ROW[field] });
      const found = await notHeld(evidence, story);
      expect(Object.keys(found)).toEqual(['shown_as_recorded']);
      expect(found['shown_as_recorded']).toMatch(/^failed: /);
    },
  );

  it.each(Object.keys(OTHER_DECISION) as (keyof Decision)[])(
    'is not whole with another %s in the row of a decision',
    async (field) => {
      const { story, evidence } = await executed();
      Object.assign(evidence.state.decisions?.[0] ?? {}, { [field]: OTHER_DECISION[field] });
      expect(await notHeld(evidence, story)).toMatchObject({
        decision_rows_match: expect.stringMatching(/^failed: /),
      });
    },
  );

  it.each([
    ['a decision that is gone', ({ decisions }: WholeEvidence['state']) => decisions?.pop()],
    [
      'a decision that nobody made',
      ({ decisions }: WholeEvidence['state']) =>
        decisions?.push({ ...OTHER_DECISION, outcome: 'counted', refusal: null }),
    ],
  ])('is not whole with %s', async (_what, spoil) => {
    const { story, evidence } = await executed();
    spoil(evidence.state);
    expect(Object.keys(await notHeld(evidence, story))).toEqual(['decision_rows_match']);
  });

  it('is not whole with another refusal, nor with a refused decision shown as counted', async () => {
    const reviewer = { issuer: ISSUER, subject: 'out' };
    const story = await refused(await pendingStory(keys), 'not_eligible', { reviewer });
    const change = { refusal: 'self_approval', outcome: 'counted', person: 'ann' };
    for (const [field, value] of Object.entries(change)) {
      const evidence = wholeEvidence(story, standing('pending'));
      Object.assign(evidence.state.decisions?.[0] ?? {}, { [field]: value });
      expect(Object.keys(await notHeld(evidence, story))).toEqual(['decision_rows_match']);
    }
  });

  it.each([
    ['is in no inbox', []],
    ['is in the inboxes of others', ['user:eve']],
    ['is in the inboxes of others as well', ['group:dba', 'user:eve']],
  ])('is not whole when a pending request %s', async (_what, selectors) => {
    const story = await pendingStory(keys);
    const evidence = wholeEvidence(story, standing('pending'));
    Object.assign(evidence.state.row ?? {}, { open_selectors: selectors });
    expect(Object.keys(await notHeld(evidence, story))).toEqual(['shown_as_recorded']);
  });

  it('is not shown where what it is compared with is erased', async () => {
    const { story, evidence } = await executed();
    evidence.payloads = evidence.payloads.filter(({ part }) => part !== 'result');
    expect(await notHeld(evidence, story)).toEqual({
      shown_as_recorded: 'not_shown: what result is compared with is erased or not in the evidence',
    });
  });

  it.each(['row', 'decisions', 'kept'] as const)('is not shown in evidence without %s', async (part) => {
    const { story, evidence } = await executed();
    delete evidence.state[part];
    expect(Object.values(await notHeld(evidence, story))).toEqual([expect.stringMatching(/^not_shown: /)]);
  });
});

describe('what the API kept for the workers', () => {
  interface Kept {
    readonly what: string;
    readonly isConsumed: boolean;
    /** On record, or taken away before. */
    readonly isRecorded: boolean;
    readonly status: 'pending' | 'expired';
    readonly keptAt?: string;
    readonly isRight: boolean;
  }

  const KEPT: readonly Kept[] = [
    { what: 'consumed and on record', isConsumed: true, isRecorded: true, status: 'pending', isRight: true },
    {
      what: 'marked consumed by hand',
      isConsumed: true,
      isRecorded: false,
      status: 'pending',
      isRight: false,
    },
    {
      what: 'the same of an ended one',
      isConsumed: true,
      isRecorded: false,
      status: 'expired',
      isRight: false,
    },
    { what: 'still waiting', isConsumed: false, isRecorded: false, status: 'pending', isRight: true },
    { what: 'never consumed', isConsumed: false, isRecorded: false, status: 'expired', isRight: false },
    {
      what: 'kept just before the end',
      isConsumed: false,
      isRecorded: false,
      status: 'expired',
      keptAt: minute(598),
      isRight: true,
    },
  ];

  it.each(KEPT)('is on record once it counted, or the request is over: $what', async (kept) => {
    const story = await pendingStory(keys);
    const signed = signedDecision('ann', { reason: 'sealed' });
    if (kept.isRecorded) await decide(story, signed);
    if (kept.status === 'expired')
      story.entries.push(entry('request.expired', { round: 1 }, { at: minute(61) }));
    const envelope = await signEnvelope(signed, story.keys.signer);
    const evidence = wholeEvidence(story, standing(kept.status));
    const { keptAt = minute(5), isConsumed } = kept;
    evidence.state.kept = [{ id: signed.id, envelope, kept_at: keptAt, is_consumed: isConsumed }];
    expect(Object.keys(await notHeld(evidence, story))).toEqual(
      kept.isRight ? [] : ['kept_messages_recorded'],
    );
  });

  it.each(['decision', 'withdrawal'] as const)(
    'counts as lost only where it was signed for it: %s',
    async (kind) => {
      const story = await pendingStory(keys);
      const { signer } = await makeKeys('other');
      const withdrawal = {
        kind: 'withdrawal' as const,
        id: `wdr_${'b'.repeat(26)}`,
        request: REQUEST,
        by: { issuer: 'https://id.example', subject: 'agent' },
        reason: null,
        issued_at: minute(4),
      };
      const signed = kind === 'decision' ? signedDecision('ann') : withdrawal;
      for (const [signedBy, request, isLost] of [
        [story.keys.signer, REQUEST, true],
        [story.keys.signer, `req_${'b'.repeat(26)}`, false],
        [signer, REQUEST, false],
      ] as const) {
        const envelope = await signEnvelope({ ...signed, request }, signedBy);
        const evidence = wholeEvidence(story, standing('pending'));
        evidence.state.kept = [{ id: signed.id, envelope, kept_at: minute(5), is_consumed: true }];
        expect(Object.keys(await notHeld(evidence, story))).toEqual(isLost ? ['kept_messages_recorded'] : []);
      }
    },
  );
});

describe('what is kept beside the log', () => {
  it.each(
    (['plans', 'policies', 'facts'] as const).flatMap((kind) =>
      [null, 7, 'text', [], {}].map((body) => ({ kind, body })),
    ),
  )('is found out where it is no $kind: $body', async ({ kind, body }) => {
    const story = await executedStory(keys);
    const evidence = wholeEvidence(story);
    for (const one of evidence.inputs[kind]) one.body = body as unknown as typeof one.body;
    expect(Object.keys(await notHeld(evidence, story))).not.toEqual([]);
  });
});
