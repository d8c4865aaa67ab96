import { createHmac } from 'node:crypto';

import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';

/** How long a person may take to sign in. */
export const PENDING_SECONDS = 600;

/** What a sign-in that is under way remembers of how it began. */
export type Pending = z.infer<typeof pendingSchema>;

const pendingSchema = z.object({
  issuer: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  return_to: z.string(),
  /** Only renews the session that there is: what fails leaves it as it was. */
  is_renewal: z.boolean(),
  /** The proof of a decision that it is for; null for a sign-in that starts a session. */
  proof: z.string().nullable().default(null),
  /** The link of an account that it is for: a sign-in with the other account starts no session. */
  link: z.string().nullable().default(null),
});

/**
 * The same, sealed for the cookie of the browser that began it. Nothing of it is stored: a caller who has not signed in
 * makes no row.
 */
export async function sealPending(identityKey: Uint8Array, pending: Pending): Promise<string> {
  return new EncryptJWT({ ...pending })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setIssuedAt()
    .setExpirationTime(`${PENDING_SECONDS} s`)
    .encrypt(keyOf(identityKey));
}

/** What such a cookie holds; null where it is too old, or none of ours. */
export async function openPending(identityKey: Uint8Array, sealed: string): Promise<Pending | null> {
  const options = {
    keyManagementAlgorithms: ['dir'],
    contentEncryptionAlgorithms: ['A256GCM'],
    requiredClaims: ['exp'],
  };
  const opened = await jwtDecrypt(sealed, keyOf(identityKey), options).catch(() => null);
  return pendingSchema.safeParse(opened?.payload).data ?? null;
}

/** All replicas hold it: any of them may finish what another began. */
function keyOf(identityKey: Uint8Array): Uint8Array {
  return createHmac('sha256', identityKey).update('keyturn sign-in cookie').digest();
}
