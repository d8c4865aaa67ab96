import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';

import { fetchKeySet, IssuerAway } from '../../../configuration/issuer-key-set.ts';
import { hasSignIn, providerOf, type Issuer, type SignInIssuer } from '../../../configuration/issuers.ts';
import { noteIssuerKeys, type PublishedKey } from '../../../database/issuer-keys.ts';
import { providerJwkSchema } from '../../../domain/proof/id-token.ts';
import { every } from '../../every.ts';

/** A decision signed with a key that is new waits for so long. */
const EVERY_MS = 20_000;

/** What it takes to keep the keys of issuers. */
export interface KeyKeeping {
  readonly source: DataSource;
  readonly issuers: ReadonlyMap<string, Issuer>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Until it is stopped: keeps the keys of the issuers at which people sign in, with the instants at which they were seen. What
 * an ID token proves is held against these, also when the issuer has long taken the key away.
 */
export async function keepIssuerKeys({ source, issuers, log, signal }: KeyKeeping): Promise<void> {
  const providers = [...issuers.values()].filter(hasSignIn).map(providerOf);
  if (providers.length === 0) return;
  const failing = new Set<string>();
  const failed = 'the keys of issuers cannot be kept';
  const loop = { everyMs: EVERY_MS, source, lock: 'issuerKeys', log, failed, signal } as const;
  await every(loop, async (manager) => {
    for (const provider of providers) await keep({ manager, log, failing }, provider);
  });
}

interface Keeping {
  readonly manager: EntityManager;
  readonly log: Logger;
  /** Issuers whose keys could not be fetched the last time, so that the log has changes only. */
  readonly failing: Set<string>;
}

/** An issuer that is away holds up no other. */
async function keep({ manager, log, failing }: Keeping, provider: SignInIssuer): Promise<void> {
  const { issuer } = provider;
  try {
    const { keys } = await fetchKeySet(provider);
    const published = await Promise.all(keys.map(publicPartOf));
    await noteIssuerKeys(
      manager,
      issuer,
      published.filter((key) => key !== null),
    );
    if (failing.delete(issuer)) log.info({ issuer }, 'the keys of an issuer are back');
  } catch (error) {
    if (!(error instanceof IssuerAway)) throw error;
    if (!failing.has(issuer))
      log.warn({ issuer, why: error.message }, 'the keys of an issuer cannot be kept');
    failing.add(issuer);
  }
}

/** Null for what verifies nothing that counts here: secrets, and keys of no known form. */
async function publicPartOf(jwk: JWK): Promise<PublishedKey | null> {
  const key = providerJwkSchema.safeParse(jwk).data;
  const thumbprint = await calculateJwkThumbprint(jwk).catch(() => null);
  if (!key || thumbprint === null) return null;
  const { kty, crv, x, y, n, e, kid, alg, use, key_ops } = key;
  return {
    thumbprint,
    kid: typeof kid === 'string' ? kid : null,
    jwk: { kty, crv, x, y, n, e, kid, alg, use, key_ops },
  };
}
