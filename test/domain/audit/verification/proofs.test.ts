import { beforeAll, describe, expect, it } from 'vitest';

import { leafText, type LeafType } from '../../../../domain/audit/leaf.ts';
import { verifyRequest, type Evidence } from '../../../../domain/audit/verification/verify.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import type { SignedDecision } from '../../../../domain/crypto/envelope.ts';
import { decisionBinding } from '../../../../domain/proof/binding.ts';
import { Authenticator, type Ceremony } from '../../proof/authenticator.ts';
import { minute } from './policy.ts';
import {
  decide,
  entry,
  evidenceOf,
  makeKeys,
  NOW,
  pendingStory,
  signedDecision,
  type Keys,
} from './story.ts';

const SITE = { origin: 'https://keyturn.example', rpId: 'keyturn.example' };
const [own, other] = [new Authenticator(), new Authenticator()];
let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

/** An approval with what a passkey signed over it, or over other words. */
function approvalBy(
  passkey: Authenticator,
  { words = {}, wrong = {}, more = {}, random = 'cmFuZG9t' }: Spoilt = {},
): SignedDecision {
  const signed = signedDecision('ann', { grade: 'A', ...more });
  const challenge = decisionBinding({ ...signed, view_digest: null, random, ...words });
  const assertion = passkey.assert({ ...SITE, challenge, ...wrong });
  return { ...signed, proof: { kind: 'passkey', random, ...assertion } };
}

interface Spoilt {
  readonly words?: Partial<Parameters<typeof decisionBinding>[0]>;
  readonly wrong?: Partial<Ceremony>;
  readonly more?: Partial<SignedDecision>;
  readonly random?: string;
}

/** An entry of the log of passkeys. */
function entryOf(type: LeafType, facts: Record<string, JsonValue>, at = minute(0)): string {
  const { draft } = entry(type, facts, { at });
  const position = { request: 'passkeys', run: 'passkeys', namespace: '', nonce: 'ab'.repeat(16), salts: {} };
  return leafText(draft, { ...position, id: 'passkeys/0', n: 0, prev: null });
}

function registered(passkey: Authenticator, more: Record<string, JsonValue> = {}, at?: string): string {
  const { origin, rpId: rp_id } = SITE;
  const { credential, jwk: public_key } = passkey;
  const facts = { passkey: 'psk_1', credential, public_key: { ...public_key }, rp_id, origin };
  return entryOf('passkey.registered', { ...facts, person: 'per_ann', how: 'self', ...more }, at);
}

async function outcomeOf(
  decisions: readonly SignedDecision[],
  passkey_entries: readonly string[] | undefined,
): Promise<{ readonly outcome?: string; readonly detail?: string }> {
  const story = await pendingStory(keys);
  for (const signed of decisions) await decide(story, signed);
  const inputs = { passkey_entries } as unknown as Evidence['inputs'];
  const report = await verifyRequest({ ...evidenceOf(story), inputs }, keys.published, NOW);
  return report.checks.find(({ name }) => name === 'grades_proven') ?? {};
}

describe('an approval of grade A', () => {
  it('is proven by the passkey that its person had registered', async () => {
    expect(await outcomeOf([approvalBy(own)], [registered(own)])).toMatchObject({
      outcome: 'ok',
      detail: expect.stringContaining(`signed with the passkey psk_1, registered at ${minute(0)}`),
    });
    const synced = registered(own, { how: 'recovery' }, minute(-5));
    expect(await outcomeOf([approvalBy(own)], [synced])).toMatchObject({ outcome: 'ok' });
  });

  it('cannot be judged without the entries of the log of passkeys', async () => {
    expect(await outcomeOf([approvalBy(own)], undefined)).toMatchObject({ outcome: 'not_shown' });
  });

  const SOMEBODY: Record<string, JsonValue> = { person: 'per_ben' };
  const REVOKED = entryOf('passkey.revoked', { passkey: 'psk_1' }, minute(2));
  const RECOVERED = entryOf('passkey.recovery_agreed', { link: 'pkl_1', revoked: ['psk_1'] }, minute(2));

  it.each<readonly [what: string, words: string, SignedDecision, readonly string[]]>([
    ['no proof', 'no proof of its grade', signedDecision('ann', { grade: 'A' }), []],
    ['a proof of grade B', 'another grade', approvalBy(own, { more: { grade: 'B' } }), [registered(own)]],
    ['a passkey that nobody registered', 'not registered', approvalBy(own), []],
    [
      'the key of another one',
      'something else',
      approvalBy(own),
      [registered(other, { credential: own.credential })],
    ],
    ['the passkey of another person', 'somebody else', approvalBy(own), [registered(own, SOMEBODY)]],
    ['a passkey from later', 'not registered', approvalBy(own), [registered(own, {}, minute(9))]],
    ['a revoked passkey', 'revoked', approvalBy(own), [registered(own), REVOKED]],
    ['a passkey that was recovered', 'revoked', approvalBy(own), [registered(own), RECOVERED]],
    [
      'a passkey of a recovery after the request',
      'after the request',
      approvalBy(own),
      [registered(own, { how: 'recovery' }, minute(1))],
    ],
    [
      'a signature over another digest',
      'other_challenge',
      approvalBy(own, { words: { decision_digest: `sha256:${'0'.repeat(64)}` } }),
      [registered(own)],
    ],
    [
      'a signature over another verdict',
      'other_challenge',
      approvalBy(own, { words: { verdict: 'deny' } }),
      [registered(own)],
    ],
    [
      'a person who was not verified',
      'not_verified',
      approvalBy(own, { wrong: { flags: 0x01 } }),
      [registered(own)],
    ],
  ])('is not proven by %s', async (...[, words, signed, entries]) => {
    expect(await outcomeOf([signed], entries)).toMatchObject({
      outcome: 'failed',
      detail: expect.stringContaining(words),
    });
  });

  it('is not proven by what proved another decision', async () => {
    const again = { ...approvalBy(own), id: `dec_${'b'.repeat(26)}` };
    expect(await outcomeOf([approvalBy(own), again], [registered(own)])).toMatchObject({
      outcome: 'failed',
      detail: expect.stringContaining('the proof of another decision'),
    });
  });
});
