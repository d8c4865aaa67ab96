import { CompactEncrypt, compactDecrypt, errors } from 'jose';

import { canonicalJson, type JsonValue } from './canonical-json.ts';
import { KeyturnError } from '../errors.ts';

/** A 256-bit key with its id. */
export interface SealingKey {
  readonly kid: string;
  readonly secret: Uint8Array;
}

/** The first key seals, all open: rotate by putting a new key in front. */
export type SealingKeys = readonly [SealingKey, ...SealingKey[]];

/** What is sealed, and what for. `context` binds the sealed text to its place, e.g. `req_…/arguments`. */
export interface Sealable {
  readonly context: string;
  readonly value: JsonValue;
  /** 12 random bytes, never used twice with a key (NIST SP 800-38D section 8.2): given, so that this stays a function. */
  readonly initializationVector: Uint8Array;
}

/** A compact JWE (RFC 7516, `dir`, A256GCM) that only holders of a sealing key can read. */
export async function seal(sealable: Sealable, keys: SealingKeys): Promise<string> {
  const [current] = keys;
  return new CompactEncrypt(new TextEncoder().encode(canonicalJson(sealable.value)))
    .setProtectedHeader({
      alg: 'dir',
      enc: 'A256GCM',
      kid: current.kid,
      ctx: sealable.context,
      crit: ['ctx'],
    })
    .setInitializationVector(sealable.initializationVector)
    .encrypt(current.secret, { crit: { ctx: true } });
}

/**
 * The value inside a sealed text. Refuses (`envelope_invalid`) text sealed for another place, with an unknown key, or
 * changed since.
 */
export async function unseal(sealed: string, context: string, keys: SealingKeys): Promise<JsonValue> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(
      sealed,
      (header) => keyFor(header.kid, keys),
      { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'], crit: { ctx: true } },
    );
    if (protectedHeader['ctx'] !== context) throw unreadable();
    return JSON.parse(new TextDecoder().decode(plaintext)) as JsonValue;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) throw unreadable();
    throw error;
  }
}

function keyFor(kid: string | undefined, keys: SealingKeys): Uint8Array {
  const key = keys.find((candidate) => candidate.kid === kid);
  if (!key) throw unreadable();
  return key.secret;
}

function unreadable(): KeyturnError {
  return new KeyturnError(
    'envelope_invalid',
    'A sealed field cannot be opened: wrong key, wrong place, or changed.',
  );
}
