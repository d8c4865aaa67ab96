import type { EntityManager } from 'typeorm';

import type { DecisionDirectories } from '../domain/approval/seats.ts';
import type { Directory } from '../domain/identity/directory.ts';
import { ownersOf } from '../domain/approval/owners.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { readDuty } from '../database/duty.ts';
import type { RequestRow } from '../database/tables.ts';
import type { Dependencies } from './dependencies.ts';

/** What today's policy and directory are, where they are known already. */
export interface Today {
  readonly policy: PolicySet;
  readonly directory: Directory;
}

/** Who belongs where now, and who did when the request was made: nobody becomes a judge afterwards. */
export async function decisionDirectories(
  { policies, directories }: Dependencies,
  manager: EntityManager,
  { row, today }: { readonly row: RequestRow; readonly today: Today },
): Promise<DecisionDirectories> {
  const creation = await policies.byDigest(manager, row.creation_policy_digest);
  return {
    now: today.directory,
    at_creation: await directories.at(manager, row.created_at),
    rotations: { now: today.policy.rotations, at_creation: creation.rotations },
    ...(await readDuty(manager, { now: today.policy, creation, createdAt: row.created_at })),
    owners_at_creation: ownersOf(creation, row),
  };
}
