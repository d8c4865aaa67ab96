import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** Where the keys of an installation are. */
export interface KeyFiles {
  readonly signing: string;
  readonly verification: string;
  readonly sealing: string;
  readonly identity: string;
}

/**
 * Makes the keys of an installation once: what the API signs with, what everybody verifies with, what seals sensitive
 * fields, and what request ids are derived with. Only their owner may read the files.
 */
export function ensureKeys(folder: string): KeyFiles {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = {
    signing: path.join(folder, 'signing.jwk.json'),
    verification: path.join(folder, 'verification.jwks.json'),
    sealing: path.join(folder, 'sealing.jwks.json'),
    identity: path.join(folder, 'identity.key'),
  };
  if (!fs.existsSync(files.signing)) writeSigningKeys(files);
  if (!fs.existsSync(files.sealing)) writeNew(files.sealing, jsonOf({ keys: [newSealingKey()] }));
  if (!fs.existsSync(files.identity)) writeNew(files.identity, `${randomBytes(32).toString('hex')}\n`);
  return files;
}

function writeSigningKeys(files: KeyFiles): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const publicJwk = publicKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(String(publicJwk.x)).digest('base64url').slice(0, 16);
  const names = { kid, alg: 'EdDSA', use: 'sig' };
  // The private key comes last: its presence says that the pair is complete.
  writeNew(files.verification, jsonOf({ keys: [{ ...publicJwk, ...names }] }));
  writeNew(files.signing, jsonOf({ ...privateKey.export({ format: 'jwk' }), ...names }));
}

function newSealingKey(): object {
  const kid = randomBytes(8).toString('hex');
  return { kty: 'oct', alg: 'A256GCM', use: 'enc', kid, k: randomBytes(32).toString('base64url') };
}

/** Writes a file whole, for its owner alone: who reads it never sees half of it. */
export function writeNew(file: string, text: string): void {
  fs.writeFileSync(`${file}.new`, text, { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
}

function jsonOf(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
