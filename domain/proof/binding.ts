import { createHash } from 'node:crypto';

import { canonicalJson } from '../crypto/canonical-json.ts';
import type { SignedDecision } from '../crypto/envelope.ts';

/** What a person decides, and a random text that makes each proof of it another one. */
export interface DecisionWords extends Pick<SignedDecision, 'request' | 'decision_digest' | 'verdict'> {
  /** Digest of the card that was shown; null where none was. */
  readonly view_digest: string | null;
  readonly random: string;
}

/** What a proof is about, in the form that a challenge or a nonce has: SHA-256 of the canonical JSON, base64url. */
export function decisionBinding(words: DecisionWords): string {
  const { request, decision_digest, verdict, view_digest, random } = words;
  const bound = { purpose: 'decide', request, decision_digest, verdict, view_digest, random };
  return createHash('sha256').update(canonicalJson(bound)).digest('base64url');
}
