import { beforeAll, describe, expect, it } from 'vitest';

import { commitment, leafText, type LeafType } from '../../../../domain/audit/leaf.ts';
import { canonicalJson, type JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { ISSUER, minute } from './policy.ts';
import { entry, makeKeys, executedStory, type Keys } from './story.ts';
import { notHeld, wholeEvidence, type WholeEvidence } from './whole.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

const SALT = '00'.repeat(16);

/** Entries of the stream of switches: of one that was engaged at a minute, and perhaps released at another. */
interface Engaged {
  readonly facts: Record<string, JsonValue>;
  readonly parts?: Record<string, JsonValue>;
  readonly from: number;
  readonly to?: number;
}

function textOf(
  type: LeafType,
  n: number,
  { facts, parts = {}, at }: Pick<Engaged, 'facts' | 'parts'> & { at: string },
): string {
  const { draft } = entry(type, { switch: 'swi_1', ...facts }, { at, parts });
  const salts = Object.fromEntries(Object.keys(parts).map((part) => [part, SALT]));
  const position = { request: 'switches', run: 'switches', namespace: '', prev: null, nonce: 'ab', salts };
  return leafText(
    { ...draft, intent_digest: null, decision_digest: null },
    { ...position, id: `switches/${n}`, n },
  );
}

function engage(evidence: WholeEvidence, { facts, parts = {}, from, to }: Engaged): void {
  const engaged = textOf('switch.thrown', 0, { facts, parts, at: minute(from) });
  const released = to === undefined ? [] : [textOf('switch.lifted', 1, { facts: {}, at: minute(to) })];
  evidence.inputs.switch_entries = [engaged, ...released];
  evidence.inputs.switch_parts = Object.entries(parts).map(([part, value]) => ({
    event_id: 'switches/0',
    part,
    salt: SALT,
    body: canonicalJson(value),
  }));
}

const SHOP = { kind: 'target', scope: 'shop' };
const AGENT = { issuer: ISSUER, subject: 'agent' };

/** The story is claimed in its seventh minute. */
const STOPPING: readonly (readonly [what: string, engaged: Engaged])[] = [
  ['its target', { facts: SHOP, from: 3 }],
  ['its target, until afterwards', { facts: SHOP, from: 3, to: 8 }],
  ['its action', { facts: { kind: 'action', scope: 'postgres.execute' }, from: 3 }],
  ['everything', { facts: { kind: 'all', scope: null }, from: 3 }],
  ['its agent by id', { facts: { kind: 'agent' }, parts: { scope: 'agent', account: null }, from: 3 }],
  ['its agent by account', { facts: { kind: 'agent' }, parts: { scope: 'old', account: AGENT }, from: 3 }],
];

const HARMLESS: readonly (readonly [what: string, engaged: Engaged])[] = [
  ['another target', { facts: { kind: 'target', scope: 'crm' }, from: 3 }],
  ['another action', { facts: { kind: 'action', scope: 'deploy.release' }, from: 3 }],
  ['another agent', { facts: { kind: 'agent' }, parts: { scope: 'other', account: null }, from: 3 }],
  ['its target, released before', { facts: SHOP, from: 3, to: 5 }],
  ['its target, engaged afterwards', { facts: SHOP, from: 8 }],
];

describe('a claim while a kill switch was engaged', () => {
  it.each(STOPPING)('is named, whatever the table of switches says now: %s', async (_what, engaged) => {
    const story = await executedStory(keys);
    const evidence = wholeEvidence(story);
    engage(evidence, engaged);
    const found = await notHeld(evidence, story);
    expect(found).toEqual({ switches_obeyed: expect.stringMatching(/^failed: .*swi_1 stopped it/) });
  });

  it.each(HARMLESS)('is right where the switch does not stop it: %s', async (_what, engaged) => {
    const story = await executedStory(keys);
    const evidence = wholeEvidence(story);
    engage(evidence, engaged);
    expect(await notHeld(evidence, story)).toEqual({});
  });

  it('is not shown where the agent that the switch stops is erased, or another one was written over it', async () => {
    const story = await executedStory(keys);
    const evidence = wholeEvidence(story);
    engage(evidence, { facts: { kind: 'agent' }, parts: { scope: 'agent', account: AGENT }, from: 3 });
    const { switch_parts: parts } = evidence.inputs;
    const body = canonicalJson('other');
    expect(commitment(SALT, body)).not.toBe(commitment(SALT, canonicalJson('agent')));
    for (const others of [[], parts.map((part) => ({ ...part, body }))]) {
      evidence.inputs.switch_parts = others;
      expect(await notHeld(evidence, story)).toEqual({
        switches_obeyed: expect.stringMatching(/^not_shown: .*erased/),
      });
    }
  });
});
