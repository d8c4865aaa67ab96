import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long a registration may take. */
const LASTS_MS = 600_000;

const RANDOM_BYTES = 16;
const EXPIRY_BYTES = 6;

/**
 * The challenge of a registration in this session, good for ten minutes. It says so itself and nobody else can make one, so
 * that a registration which is begun and left makes no row.
 */
export function newChallenge(identityKey: Uint8Array, session: string): string {
  const expiry = Buffer.alloc(EXPIRY_BYTES);
  expiry.writeUIntBE(Date.now() + LASTS_MS, 0, EXPIRY_BYTES);
  const said = Buffer.concat([expiry, randomBytes(RANDOM_BYTES)]);
  return Buffer.concat([said, markOf(identityKey, session, said)]).toString('base64url');
}

/** True for a challenge that was made for this session, and is not over. */
export function isOwnChallenge(identityKey: Uint8Array, session: string, challenge: string): boolean {
  const bytes = Buffer.from(challenge, 'base64url');
  const said = bytes.subarray(0, EXPIRY_BYTES + RANDOM_BYTES);
  const mark = markOf(identityKey, session, said);
  const given = bytes.subarray(said.length);
  const isOurs = given.length === mark.length && timingSafeEqual(given, mark);
  return isOurs && said.readUIntBE(0, EXPIRY_BYTES) > Date.now();
}

function markOf(identityKey: Uint8Array, session: string, said: Buffer): Buffer {
  return createHmac('sha256', identityKey)
    .update(`keyturn passkey registration\n${session}\n`)
    .update(said)
    .digest();
}
