import { createHash } from 'node:crypto';

import { expect, it } from 'vitest';

import { canonicalJson } from '../../../domain/crypto/canonical-json.ts';
import { decisionBinding, type DecisionWords } from '../../../domain/proof/binding.ts';

const WORDS: DecisionWords = {
  request: 'req_a',
  decision_digest: 'sha256:a',
  verdict: 'approve',
  view_digest: 'sha256:b',
  random: 'r',
};

it.each<Partial<DecisionWords>>([
  { request: 'req_b' },
  { decision_digest: 'sha256:c' },
  { verdict: 'deny' },
  { view_digest: 'sha256:c' },
  { view_digest: null },
  { random: 's' },
])('what a person proves for one decision proves no other: %o', (change) => {
  expect(decisionBinding({ ...WORDS, ...change })).not.toBe(decisionBinding(WORDS));
});

it('a proof says what it is for, so that none of another purpose is one', () => {
  const bound = canonicalJson({ purpose: 'decide', ...WORDS });
  expect(decisionBinding(WORDS)).toBe(createHash('sha256').update(bound).digest('base64url'));
});
