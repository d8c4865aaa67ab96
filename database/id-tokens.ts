import type { EntityManager } from 'typeorm';

import { rows } from './rows.ts';

/** An ID token that proves a decision. */
export interface KeptIdToken {
  readonly digest: string;
  /** Compact JWE. */
  readonly sealed: string;
}

/** Those of these digests that were not erased. */
export async function readIdTokens(
  manager: EntityManager,
  digests: readonly string[],
): Promise<readonly KeptIdToken[]> {
  if (digests.length === 0) return [];
  return rows(
    manager,
    'select digest, sealed from keyturn.id_token where digest = any($1) and sealed is not null',
    [digests],
  );
}
