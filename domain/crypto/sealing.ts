import { createCipheriv, createDecipheriv } from 'node:crypto';

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

const ALGORITHM = 'aes-256-gcm';
const TAG_BYTES = 16;

/** Header, no encrypted key, 12 bytes of initialization vector, the text, and a whole tag: shorter ones could be guessed. */
const FORM = /^([\w-]+)\.\.([\w-]{16})\.([\w-]*)\.([\w-]{22})$/;

/**
 * A compact JWE (RFC 7516, `dir`, A256GCM) that only holders of a sealing key can read. Made here and not by a library:
 * those give each field to a thread, which costs more than the cipher.
 */
export async function seal(sealable: Sealable, [current]: SealingKeys): Promise<string> {
  const { initializationVector } = sealable;
  const header = headerOf(current, sealable.context);
  const cipher = createCipheriv(ALGORITHM, current.secret, initializationVector, {
    authTagLength: TAG_BYTES,
  }).setAAD(Buffer.from(header));
  const text = Buffer.concat([cipher.update(canonicalJson(sealable.value), 'utf8'), cipher.final()]);
  const parts = [Buffer.from(initializationVector), text, cipher.getAuthTag()];
  return [header, '', ...parts.map((part) => part.toString('base64url'))].join('.');
}

/** The protected header. `ctx` is critical: who does not know it must not open the field. */
function headerOf({ kid }: SealingKey, context: string): string {
  const header = { alg: 'dir', enc: 'A256GCM', kid, ctx: context, crit: ['ctx'] };
  return Buffer.from(JSON.stringify(header)).toString('base64url');
}

/**
 * The value inside a sealed text. Refuses (`envelope_invalid`) text sealed for another place, with an unknown key, or
 * changed since. Nothing of the header is read: it is one that `seal` makes for this place, or the text is refused.
 */
export async function unseal(sealed: string, context: string, keys: SealingKeys): Promise<JsonValue> {
  const [, header = '', initializationVector = '', text = '', tag = ''] = FORM.exec(sealed) ?? [];
  const key = keys.find((candidate) => headerOf(candidate, context) === header);
  if (!key || ![text, tag].every(isCanonical)) throw unreadable();
  try {
    const decipher = createDecipheriv(ALGORITHM, key.secret, bytesOf(initializationVector), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(header)).setAuthTag(bytesOf(tag));
    const value = Buffer.concat([decipher.update(bytesOf(text)), decipher.final()]);
    return JSON.parse(value.toString()) as JsonValue;
  } catch {
    throw unreadable();
  }
}

function bytesOf(part: string): Buffer {
  return Buffer.from(part, 'base64url');
}

/** One text, one spelling. */
function isCanonical(part: string): boolean {
  return bytesOf(part).toString('base64url') === part;
}

function unreadable(): KeyturnError {
  return new KeyturnError(
    'envelope_invalid',
    'A sealed field cannot be opened: wrong key, wrong place, or changed.',
  );
}
