import type { EntityManager } from 'typeorm';

import { readStoredPolicy } from '../../../database/policy-proposals.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { policyDigest, type PolicySet } from '../../../domain/policy/policy.ts';

/** A policy that was proposed or installed. Refuses one that is not what its digest names, and of a version that nobody here knows. */
export async function storedPolicy(manager: EntityManager, digest: string): Promise<PolicySet> {
  const policy = (await readStoredPolicy(manager, digest)) as PolicySet | null;
  if (policy === null) throw new KeyturnError('not_found', 'There is no such policy.');
  if (policyDigest(policy) !== digest)
    throw new KeyturnError('policy_invalid', 'The stored policy is not the one that its digest names.');
  if ((policy.version as string) !== 'keyturn/v1')
    throw new KeyturnError('unavailable', 'The policy is of a version that this process does not know.');
  return policy;
}
