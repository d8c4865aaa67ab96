import { createHash, createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  commitment,
  LEAF_BYTES_MAX,
  leafHash,
  leafText,
  type LeafDraft,
  type LeafPosition,
} from '../../../domain/audit/leaf.ts';
import { base32, keyedId, personPseudonym, pseudonymOf, requestId } from '../../../domain/identity/ids.ts';
import { canonicalJson } from '../../../domain/crypto/canonical-json.ts';
import { ISSUER, START } from '../examples.ts';

const DRAFT: LeafDraft = {
  type: 'decision.counted',
  at: START,
  actor: { pseudonym: 'per_x', kind: 'person', via: 'api' },
  intent_digest: `sha256:${'1'.repeat(64)}`,
  decision_digest: `sha256:${'2'.repeat(64)}`,
  policy_digest: `sha256:${'3'.repeat(64)}`,
  facts: { verdict: 'approve', seats: [1, 0] },
  evidence: { grade: 'C', refs: [] },
  parts: { reason: 'looks fine to me' },
};

const SALT = '00112233445566778899aabbccddeeff';

const POSITION: LeafPosition = {
  id: 'lf_a',
  request: 'req_a',
  run: 'run-1',
  namespace: 'default',
  n: 0,
  prev: null,
  nonce: 'ffeeddccbbaa99887766554433221100',
  salts: { reason: SALT },
};

/** A stream of entries, each bound to the one before. */
function chain(count: number, run = 'run-1'): readonly string[] {
  const texts: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const last = texts.at(-1);
    texts.push(
      leafText({ ...DRAFT, facts: { step: n } }, { ...POSITION, run, n, prev: last ? leafHash(last) : null }),
    );
  }
  return texts;
}

/** The index of the first entry that does not follow the one before, or -1. */
function brokenAt(texts: readonly string[]): number {
  return texts.findIndex((text, index) => {
    const { prev, n }: { prev: string | null; n: number } = JSON.parse(text);
    const before = texts[index - 1];
    return n !== index || prev !== (before === undefined ? null : leafHash(before));
  });
}

describe('an audit entry', () => {
  it('is the canonical text of its content', () => {
    const text = leafText(DRAFT, POSITION);
    expect(text).toBe(canonicalJson(JSON.parse(text)));
    expect(JSON.parse(text)).toEqual({
      v: 1,
      id: 'lf_a',
      stream: { request: 'req_a', run: 'run-1' },
      n: 0,
      prev: null,
      type: 'decision.counted',
      at: START,
      after: null,
      actor: DRAFT.actor,
      intent_digest: DRAFT.intent_digest,
      decision_digest: DRAFT.decision_digest,
      policy: { digest: DRAFT.policy_digest },
      facts: DRAFT.facts,
      evidence: DRAFT.evidence,
      temporal: { namespace: 'default', workflow: 'req_a', run: 'run-1' },
      commit: {
        reason: createHmac('sha256', Buffer.from(SALT, 'hex')).update('"looks fine to me"').digest('hex'),
      },
      nonce: POSITION.nonce,
    });
  });

  it('has the same bytes however the facts were put together', () => {
    const reordered = { ...DRAFT, facts: { seats: [1, 0], verdict: 'approve' } };
    expect(leafText(reordered, POSITION)).toBe(leafText(DRAFT, POSITION));
  });

  it('never shows a part, only a salted commitment to it', () => {
    const text = leafText(DRAFT, POSITION);
    expect(text).not.toContain('looks fine');
    expect(text).not.toContain(SALT);
    const other = leafText(DRAFT, { ...POSITION, salts: { reason: SALT.replaceAll('0', '1') } });
    expect(other).not.toBe(text);
  });

  it('is not written when a part has no salt: a bare commitment could be guessed', () => {
    for (const salts of [{}, { reason: '' }, { other: SALT }]) {
      expect(() => leafText(DRAFT, { ...POSITION, salts })).toThrow(
        expect.objectContaining({ code: 'internal' }),
      );
    }
    const inherited = { ...DRAFT, parts: { toString: 'x' } };
    expect(() => leafText(inherited, POSITION)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('binds its parts to their exact text', () => {
    expect(commitment(SALT, '"a"')).not.toBe(commitment(SALT, '"b"'));
    expect(commitment(SALT, '"a"')).toBe(commitment(SALT, '"a"'));
  });

  it('fits what the log can hold, counted in bytes, or is not written', () => {
    const withFact = (length: number): string =>
      leafText({ ...DRAFT, facts: { text: '€'.repeat(length) } }, POSITION);
    const overhead = Buffer.byteLength(withFact(0));
    const most = Math.floor((LEAF_BYTES_MAX - overhead) / 3);
    expect(Buffer.byteLength(withFact(most))).toBeLessThanOrEqual(LEAF_BYTES_MAX);
    expect(() => withFact(most + 1)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('is not written when it has no canonical form', () => {
    const facts = { rows: Number.MAX_SAFE_INTEGER + 1 };
    expect(() => leafText({ ...DRAFT, facts }, POSITION)).toThrow(
      expect.objectContaining({ code: 'not_canonical' }),
    );
  });
});

describe('a stream of entries', () => {
  it('is chained by SHA-256 over the stored bytes', () => {
    const [first = '', second = ''] = chain(2);
    const hash = `sha256:${createHash('sha256').update(Buffer.from(first)).digest('hex')}`;
    expect(JSON.parse(second)).toMatchObject({ n: 1, prev: hash });
    expect(leafHash(first)).toBe(hash);
  });

  it('breaks where an entry was changed, removed, added or swapped', () => {
    const whole = chain(5);
    expect(brokenAt(whole)).toBe(-1);
    const index = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(index, (at) => {
        const changed = whole.with(at, (whole[at] ?? '').replace('"via":"api"', '"via":"cli"'));
        expect(brokenAt(changed)).toBe(at + 1);
        expect(brokenAt(whole.toSpliced(at, 1))).toBe(at);
        expect(brokenAt(whole.toSpliced(at, 0, whole[at] ?? ''))).toBe(at + 1);
        const swapped = whole.with(at, whole[at + 1] ?? '').with(at + 1, whole[at] ?? '');
        expect(brokenAt(swapped)).toBe(at);
      }),
    );
  });

  it('shows a fork: two entries with one predecessor are different, and so is everything after', () => {
    const [first = ''] = chain(1);
    const second = { ...POSITION, n: 1, prev: leafHash(first) };
    const left = leafText(DRAFT, second);
    const right = leafText({ ...DRAFT, facts: { verdict: 'deny' } }, second);
    expect(leafHash(left)).not.toBe(leafHash(right));
    const after = (text: string): string => leafText(DRAFT, { ...POSITION, n: 2, prev: leafHash(text) });
    expect(after(left)).not.toBe(after(right));
  });

  it('of another run of the same request is another stream', () => {
    const [one = ''] = chain(1);
    const [other = ''] = chain(1, 'run-2');
    expect(leafHash(other)).not.toBe(leafHash(one));
  });
});

describe('ids and pseudonyms', () => {
  const key = Buffer.alloc(32, 7);
  const account = { issuer: ISSUER, subject: 'sub-olga' };

  it('write base32 as RFC 4648 section 10 does, lower-case and unpadded', () => {
    const vectors = {
      '': '',
      f: 'my',
      fo: 'mzxq',
      foo: 'mzxw6',
      foob: 'mzxw6yq',
      fooba: 'mzxw6ytb',
      foobar: 'mzxw6ytboi',
    };
    for (const [text, encoded] of Object.entries(vectors)) expect(base32(Buffer.from(text))).toBe(encoded);
  });

  it('have a fixed form and depend on the key', () => {
    const id = requestId(key, account, 'key-1');
    expect(id).toMatch(/^req_[a-z2-7]{26}$/);
    expect(requestId(key, account, 'key-1')).toBe(id);
    expect(requestId(Buffer.alloc(32, 8), account, 'key-1')).not.toBe(id);
  });

  it('never collide, however the parts are cut', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '1', ':', 'é'), maxLength: 4 });
    const parts = fc.array(part, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        const isSame = left.length === right.length && left.every((text, index) => text === right[index]);
        expect(keyedId('id', key, left) === keyedId('id', key, right)).toBe(isSame);
      }),
      { numRuns: 500 },
    );
  });

  it('of accounts, people and requests are kept apart', () => {
    const names = [pseudonymOf(key, account), personPseudonym(key, 'olga'), requestId(key, account, '')];
    expect(new Set(names.map((name) => name.slice(4))).size).toBe(3);
    expect(names.map((name) => name.slice(0, 4))).toEqual(['acc_', 'per_', 'req_']);
  });

  it('treat texts that only look alike as different', () => {
    const composed = pseudonymOf(key, { issuer: ISSUER, subject: 'jos\u00e9' });
    expect(pseudonymOf(key, { issuer: ISSUER, subject: 'jose\u0301' })).not.toBe(composed);
  });
});
