import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { hasRows, rows, valueOf } from './rows.ts';

/** Waits for all other writers of the directory over the API, until the transaction ends. */
export async function lockDirectory(manager: EntityManager): Promise<void> {
  await rows(manager, `select pg_advisory_xact_lock(hashtext('keyturn.directory'))`);
}

/** The last entry about the directory, or null. True until the transaction ends for who holds the lock above. */
export async function lastDirectoryEntry(manager: EntityManager): Promise<string | null> {
  return valueOf(
    manager,
    `select leaf from audit.entry where request = 'directory' and run_id = 'directory' order by n desc limit 1`,
  );
}

/** Who has an account by now, in the order of the authorities that say so: a person or an agent. */
export interface AccountHolder {
  readonly person: string | null;
  readonly agent: string | null;
  readonly authority: string;
}

/** The holders of an account. */
export async function accountHolders(
  manager: EntityManager,
  issuer: string,
  subject: string,
): Promise<readonly AccountHolder[]> {
  return rows(
    manager,
    `select person, agent, authority from keyturn.account
     where issuer = $1 and subject = $2 and valid_to is null order by authority`,
    [issuer, subject],
  );
}

/** True when there is a group of this id, which rules may require. */
export async function isGroup(manager: EntityManager, id: string): Promise<boolean> {
  return hasRows(manager, 'select from keyturn.directory_group where group_id = $1 and valid_to is null', [
    id,
  ]);
}

/** What a token says of a person's groups. */
export interface SeenClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly person: string;
  readonly pseudonym: string;
  readonly issued_at: number;
  readonly claim_digest: string;
  readonly listed: readonly string[];
}

/**
 * Takes what a token says, with exactly the entry that the change needs. Answers what an entry has to say of the change,
 * or null when nothing is left to change.
 */
export async function takeClaims(
  manager: EntityManager,
  seen: SeenClaims,
  entry: string | null,
): Promise<Readonly<Record<'joined' | 'left' | 'renewed', JsonValue>> | null> {
  return valueOf(manager, 'select keyturn.see_claims($1, $2)', [JSON.stringify(seen), entry]);
}
