import { randomBytes, timingSafeEqual } from 'node:crypto';

import {
  CompactSign,
  compactVerify,
  createLocalJWKSet,
  importJWK,
  type CompactVerifyGetKey,
  type CryptoKey,
  type JSONWebKeySet,
} from 'jose';
import { z } from 'zod';

import type { SigningKey } from '../domain/crypto/envelope.ts';
import type { SealingKeys } from '../domain/crypto/sealing.ts';
import { mistakeIn, readJsonFile, readText } from './files.ts';

/** 32 bytes, as base64url. */
const bytes32 = z.string().regex(/^[\w-]{43}$/, 'must be 32 bytes as base64url');

const publicKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: bytes32,
  kid: z.string().min(1),
});
const privateKey = publicKey.extend({ d: bytes32 });
const sealingKey = z.object({ kty: z.literal('oct'), kid: z.string().min(1), k: bytes32 });

const publicKeySet = keySetOf(
  publicKey.extend({ d: z.undefined({ error: 'a private key among public ones' }).optional() }),
);

/** Keys that verify what was signed, and the set as it is published. */
export interface VerificationKeys {
  readonly published: JSONWebKeySet;
  readonly verification: CompactVerifyGetKey;
}

/** Reads the public keys. Throws when a private one is among them, without repeating anything of it. */
export async function readVerificationKeys(path: string): Promise<VerificationKeys> {
  const { keys } = await readJsonFile({ variable: 'KEYTURN_VERIFICATION_KEYS', path }, publicKeySet);
  const published: JSONWebKeySet = {
    keys: keys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' })),
  };
  return { published, verification: createLocalJWKSet(published) };
}

/** Reads the keys that seal sensitive fields: the first one seals, all open. */
export async function readSealingKeys(path: string): Promise<SealingKeys> {
  const file = { variable: 'KEYTURN_SEALING_KEYS', path };
  const { keys } = await readJsonFile(file, keySetOf(sealingKey));
  const [first, ...older] = keys.map(({ kid, k }) => ({ kid, secret: Buffer.from(k, 'base64url') }));
  if (!first) throw mistakeIn(file, 'holds no key.');
  return [first, ...older];
}

/** Reads the key that request ids and pseudonyms are derived with. */
export async function readIdentityKey(path: string): Promise<Uint8Array> {
  const file = { variable: 'KEYTURN_IDENTITY_KEY', path };
  const text = (await readText(file)).trim();
  if (!/^[0-9a-f]{64}$/i.test(text)) throw mistakeIn(file, 'is not 64 hex digits.');
  return Buffer.from(text, 'hex');
}

/** Reads the key that signs. Throws when what it signs could not be verified by the others. */
export async function readSigningKey(path: string, verify: CompactVerifyGetKey): Promise<SigningKey> {
  const file = { variable: 'KEYTURN_SIGNING_KEY', path };
  const { kid, kty, crv, x, d } = await readJsonFile(file, privateKey);
  const key = await importJWK({ kty, crv, x, d }, 'EdDSA', { extractable: true }).catch(() => null);
  if (key === null) throw mistakeIn(file, 'holds no Ed25519 key.');
  const signer = { kid, key: key as CryptoKey };
  if (!(await canBeVerified(signer, verify)))
    throw mistakeIn(
      file,
      'is not among the keys of KEYTURN_VERIFICATION_KEYS: nobody could verify requests.',
    );
  return signer;
}

/** Not by comparing names and halves: by a signature. */
async function canBeVerified({ kid, key }: SigningKey, verify: CompactVerifyGetKey): Promise<boolean> {
  const probe = randomBytes(32);
  const signed = await new CompactSign(probe).setProtectedHeader({ alg: 'EdDSA', kid }).sign(key);
  const read = await compactVerify(signed, verify, { algorithms: ['EdDSA'] }).catch(() => null);
  return read !== null && timingSafeEqual(read.payload, probe);
}

/** Two keys of one name would make it chance which of them is used. */
function keySetOf<Key extends z.ZodType<{ readonly kid: string }>>(key: Key) {
  return z.object({
    keys: z
      .array(key)
      .min(1)
      .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, {
        error: 'two keys have the same kid',
      }),
  });
}
