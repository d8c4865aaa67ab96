import { createHmac, createSecretKey } from 'node:crypto';

import type { Identity } from './identity.ts';
import { oncePer } from '../once-per.ts';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Lower-case RFC 4648 base32 without padding. */
export function base32(bytes: Uint8Array): string {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + BASE32[(held << (5 - bits)) & 31] : text;
}

/** Secret bytes as Node's own key: Node looks at plain bytes anew in each call, which is dear. */
const keyObjectOf = oncePer((bytes: Uint8Array) => createSecretKey(bytes));

/**
 * A keyed name over length-prefixed parts: no choice of delimiters, normal forms or lengths makes two different lists
 * of parts collide. 128 bits and more: 26 base32 digits.
 */
export function keyedId(prefix: string, key: Uint8Array, parts: readonly string[]): string {
  const mac = createHmac('sha256', keyObjectOf(key));
  for (const part of [prefix, ...parts]) {
    const bytes = Buffer.from(part, 'utf8');
    mac.update(`${bytes.length}:`).update(bytes);
  }
  return `${prefix}_${base32(mac.digest()).slice(0, 26)}`;
}

/** The request id, also the workflow id: nobody without the key can occupy the id of somebody else's request. */
export function requestId(key: Uint8Array, requester: Identity, idempotencyKey: string): string {
  return keyedId('req', key, [requester.issuer, requester.subject, idempotencyKey]);
}

/**
 * The id of a request that only asks for a decision. Keys of such requests are apart from all others: one that was
 * answered on the spot and one that has a workflow can never meet under one id.
 */
export function gateRequestId(key: Uint8Array, requester: Identity, idempotencyKey: string): string {
  return keyedId('req', key, [requester.issuer, requester.subject, idempotencyKey, 'gate']);
}

/**
 * The id of the review that follows a break-glass request: one for each request. No account and no key of a caller leads
 * there.
 */
export function reviewId(key: Uint8Array, request: string): string {
  return keyedId('req', key, ['keyturn-review', request]);
}

/** The name of an account in the audit log. */
export function pseudonymOf(key: Uint8Array, identity: Identity): string {
  return keyedId('acc', key, [identity.issuer, identity.subject]);
}

/** The name of a person in the audit log. */
export function personPseudonym(key: Uint8Array, person: string): string {
  return keyedId('per', key, [person]);
}
