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
import type { ApiConfiguration, WorkerConfiguration } from './programs.ts';

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

/** Every key that the API holds, and the public ones as they are published. */
export type ApiKeys = Awaited<ReturnType<typeof readApiKeys>>;

/** Reads all keys of the API. Throws when one is missing or malformed, or when nobody could verify what it signs. */
export async function readApiKeys({ keys, signingKey }: Pick<ApiConfiguration, 'keys' | 'signingKey'>) {
  const { published, verification } = await readVerificationKeys(keys.verification);
  return {
    published,
    verification,
    signing: await readSigningKey(signingKey, verification),
    sealing: await readSealingKeys(keys.sealing),
    /** Makes request ids and pseudonyms. */
    identity: await readIdentityKey(keys.identity),
  };
}

/** Reads the keys of the worker: none of them can sign. */
export async function readWorkerKeys({ keys }: Pick<WorkerConfiguration, 'keys'>) {
  return {
    verificationKeys: (await readVerificationKeys(keys.verification)).verification,
    sealingKeys: await readSealingKeys(keys.sealing),
    identityKey: await readIdentityKey(keys.identity),
  };
}

/** Throws when a private key is among the public ones, without repeating anything of it. */
async function readVerificationKeys(path: string) {
  const { keys } = await readJsonFile({ variable: 'KEYTURN_VERIFICATION_KEYS', path }, publicKeySet);
  const published: JSONWebKeySet = {
    keys: keys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' })),
  };
  return { published, verification: createLocalJWKSet(published) };
}

/** The first key seals sensitive fields, all open them. */
async function readSealingKeys(path: string): Promise<SealingKeys> {
  const file = { variable: 'KEYTURN_SEALING_KEYS', path };
  const { keys } = await readJsonFile(file, keySetOf(sealingKey));
  const [first, ...older] = keys.map(({ kid, k }) => ({ kid, secret: Buffer.from(k, 'base64url') }));
  if (!first) throw mistakeIn(file, 'holds no key.');
  return [first, ...older];
}

async function readIdentityKey(path: string): Promise<Uint8Array> {
  const file = { variable: 'KEYTURN_IDENTITY_KEY', path };
  const text = (await readText(file)).trim();
  if (!/^[0-9a-f]{64}$/i.test(text)) throw mistakeIn(file, 'is not 64 hex digits.');
  return Buffer.from(text, 'hex');
}

/** Throws when what the key signs could not be verified by the others. */
async function readSigningKey(path: string, verify: CompactVerifyGetKey): Promise<SigningKey> {
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
