import { createHash } from 'node:crypto';

import { canonicalJson } from './canonical-json.ts';

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

/** SHA-256 of UTF-8 text. */
export function sha256(text: string): Digest {
  return `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`;
}

/** SHA-256 over the RFC 8785 form. */
export function digestOf(value: unknown): Digest {
  return sha256(canonicalJson(value));
}
