import type { CompactVerifyGetKey, JSONWebKeySet } from 'jose';

import {
  readIdentityKey,
  readSealingKeys,
  readSigningKey,
  readVerificationKeys,
} from '../../configuration/keys.ts';
import type { SigningKey } from '../../domain/crypto/envelope.ts';
import type { SealingKeys } from '../../domain/crypto/sealing.ts';
import type { Settings } from './settings.ts';

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

/** Reads all keys. Throws when one is missing or malformed, or when nobody could verify what this process signs. */
export async function readKeys(files: Settings['files']): Promise<Keys> {
  const { published, verification } = await readVerificationKeys(files.verificationKeys);
  return {
    published,
    verification,
    signing: await readSigningKey(files.signingKey, verification),
    sealing: await readSealingKeys(files.sealingKeys),
    identity: await readIdentityKey(files.identityKey),
  };
}
