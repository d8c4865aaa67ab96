import { QueryFailedError, type EntityManager } from 'typeorm';

import { canonicalJson } from '../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../domain/errors.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { DIRECTORY_DIFFERS, driverCode } from './refusals.ts';
import { firstRow, rows } from './rows.ts';

/** The set that is active now. */
export interface ActiveSet {
  readonly digest: string;
  readonly generation: number;
}

/** The active set, which stays the active one until the transaction ends or changes it. */
export async function lockActiveSet(manager: EntityManager): Promise<ActiveSet | null> {
  // Two first installations at once find no row to lock: this makes one of them wait.
  await rows(manager, `select pg_advisory_xact_lock(hashtext('keyturn.policy_active'))`);
  const row = await firstRow<{ digest: string; generation: string }>(
    manager,
    'select digest, generation from keyturn.policy_active for update',
  );
  return row ? { digest: row.digest, generation: Number(row.generation) } : null;
}

/** Intervals that were opened and closed, by kind. */
export type DirectoryChanges = Readonly<
  Record<'people' | 'agents' | 'accounts' | 'groups' | 'memberships', number>
>;

/** What a policy would change of the file's part of the directory. What other authorities brought is never touched. */
export async function previewFileDirectory(
  manager: EntityManager,
  { directory }: PolicySet,
): Promise<DirectoryChanges> {
  return queryDirectory(manager, 'select keyturn.preview_file_directory($1) as answer', [
    JSON.stringify(directory),
  ]);
}

/** A set in the place of the active one. */
export interface Activation {
  readonly policy: PolicySet;
  /** When, by whom and from which files: kept with the set. */
  readonly installed: { readonly at: string; readonly by: string; readonly sources: string };
  /** The text of its entry. */
  readonly entry: string;
}

/**
 * Changes set, activation and directory, in a function of the database that takes the change only with its entry: no role
 * of a program may write them otherwise.
 */
export async function storeActivation(
  manager: EntityManager,
  { policy, installed, entry }: Activation,
): Promise<void> {
  await queryDirectory(manager, 'select keyturn.activate_policy($1, $2, $3) as answer', [
    JSON.stringify(installed),
    canonicalJson(policy),
    entry,
  ]);
}

async function queryDirectory<Answer>(
  manager: EntityManager,
  statement: string,
  values: readonly string[],
): Promise<Answer> {
  try {
    const row = await firstRow<{ answer: Answer }>(manager, statement, values);
    if (!row) throw new KeyturnError('internal', 'The directory did not say what changed.');
    return row.answer;
  } catch (error) {
    if (error instanceof QueryFailedError && driverCode(error) === DIRECTORY_DIFFERS)
      throw new KeyturnError(
        'policy_invalid',
        `The directory cannot be stored: ${error.driverError.message}.`,
      );
    throw error;
  }
}
