import { readFile } from 'node:fs/promises';

import {
  createLocalJWKSet,
  importJWK,
  type CompactVerifyGetKey,
  type CryptoKey,
  type JSONWebKeySet,
} from 'jose';
import { z } from 'zod';

import type { SigningKey } from '../../domain/envelope.ts';
import type { SealingKeys } from '../../domain/sealing.ts';
import type { Settings } from './settings.ts';

const publicKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string().min(1),
});
const publicKeySet = z.object({
  keys: z
    .array(publicKey.extend({ d: z.undefined({ error: 'a private key among public ones' }).optional() }))
    .min(1),
});
const privateKey = publicKey.extend({ d: z.string() });
const sealingKeySet = z.object({
  keys: z
    .array(z.object({ kty: z.literal('oct'), kid: z.string().min(1), k: z.string().regex(/^[\w-]{43}$/) }))
    .min(1),
});

/** Every key this process holds. */
export interface Keys {
  readonly signing: SigningKey;
  /** The public key set as it is published. */
  readonly published: JSONWebKeySet;
  readonly verification: CompactVerifyGetKey;
  readonly sealing: SealingKeys;
  /** Makes request ids and pseudonyms. */
  readonly identity: Uint8Array;
}

/** Reads all keys. Throws when one is missing, malformed, or when nobody could verify what this process signs. */
export async function readKeys(files: Settings['files']): Promise<Keys> {
  const published = publicKeySet.parse(await readJson(files.verificationKeys));
  const signer = privateKey.parse(await readJson(files.signingKey));
  const isPublished = published.keys.some((key) => key.kid === signer.kid && key.x === signer.x);
  if (!isPublished)
    throw new Error('The signing key is not among the verification keys: nobody could verify requests.');
  const keySet: JSONWebKeySet = {
    keys: published.keys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' })),
  };
  const { kty, crv, x, d } = signer;
  return {
    signing: {
      kid: signer.kid,
      key: (await importJWK({ kty, crv, x, d }, 'EdDSA', { extractable: true })) as CryptoKey,
    },
    published: keySet,
    verification: createLocalJWKSet(keySet),
    sealing: sealingKeys(sealingKeySet.parse(await readJson(files.sealingKeys))),
    identity: identityKey(await readFile(files.identityKey, 'utf8')),
  };
}

function sealingKeys(set: z.infer<typeof sealingKeySet>): SealingKeys {
  const [first, ...rest] = set.keys.map(({ kid, k }) => ({ kid, secret: Buffer.from(k, 'base64url') }));
  if (!first) throw new Error('There is no sealing key.');
  return [first, ...rest];
}

function identityKey(text: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/i.test(text.trim())) throw new Error('The identity key is not 64 hex digits.');
  return Buffer.from(text.trim(), 'hex');
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message would quote the key file.
    throw new Error(`${file} is not JSON.`);
  }
}
