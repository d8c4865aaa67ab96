import type { EntityManager } from 'typeorm';

import type { ProviderJwk } from '../domain/proof/id-token.ts';
import { rows } from './rows.ts';

/** A key that an issuer published. */
export interface PublishedKey {
  /** RFC 7638. */
  readonly thumbprint: string;
  readonly kid: string | null;
  readonly jwk: ProviderJwk;
}

/** Notes that the issuer publishes these now. Those that it publishes no more stay. */
export async function noteIssuerKeys(
  manager: EntityManager,
  issuer: string,
  keys: readonly PublishedKey[],
): Promise<void> {
  const text = `insert into keyturn.issuer_key (issuer, thumbprint, kid, jwk, first_seen, last_seen)
    select $1, key ->> 'thumbprint', key ->> 'kid', key -> 'jwk', statement_timestamp(), statement_timestamp()
      from jsonb_array_elements($2::jsonb) key
    on conflict (issuer, thumbprint) do update set last_seen = excluded.last_seen`;
  await rows(manager, text, [issuer, JSON.stringify(keys)]);
}

/** A key with when it was published. */
export interface KeptKey {
  readonly issuer: string;
  readonly jwk: ProviderJwk;
  readonly last_seen: Date;
}

/** All keys that these issuers were ever seen to publish. */
export async function readIssuerKeys(
  manager: EntityManager,
  issuers: readonly string[],
): Promise<readonly KeptKey[]> {
  if (issuers.length === 0) return [];
  return rows(
    manager,
    'select issuer, jwk, last_seen from keyturn.issuer_key where issuer = any($1) order by first_seen',
    [issuers],
  );
}
