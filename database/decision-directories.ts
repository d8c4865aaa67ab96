import type { EntityManager } from 'typeorm';

import { ownersOf } from '../domain/approval/owners.ts';
import type { DecisionDirectories } from '../domain/approval/seats.ts';
import type { Directory } from '../domain/identity/directory.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import type { DirectoryReader } from './directory-reader.ts';
import { readOnCall, type OnCall } from './on-call.ts';
import type { PolicyReader } from './readers.ts';
import type { RequestRow } from './tables.ts';

/** Today's policy and directory. */
export interface Today {
  readonly policy: PolicySet;
  readonly directory: Directory;
}

/** What is known of the people of a request, where it was read already. */
export interface KnownPeople {
  readonly atCreation: Directory;
  readonly onCall?: OnCall;
}

/**
 * Who belongs where now, and who did when the request was made: nobody becomes a reviewer afterwards. The one author, so that
 * what the API refuses at once is what the worker would refuse.
 */
export async function decisionDirectories(
  { policies, directories }: { readonly policies: PolicyReader; readonly directories: DirectoryReader },
  manager: EntityManager,
  {
    row,
    today,
    atCreation,
    onCall,
  }: Partial<KnownPeople> & { readonly row: RequestRow; readonly today: Today },
): Promise<DecisionDirectories> {
  const { created_at: createdAt } = row;
  const creation = await policies.byDigest(manager, row.creation_policy_digest);
  return {
    now: today.directory,
    at_creation: atCreation ?? (await directories.at(manager, createdAt)),
    rotations: { now: today.policy.rotations, at_creation: creation.rotations },
    ...(onCall ?? (await readOnCall(manager, { now: today.policy, creation, createdAt }))),
    owners_at_creation: ownersOf(creation, row),
  };
}
