import type { EntityManager } from 'typeorm';

import { digestOf } from '../domain/crypto/digest.ts';
import type { SignedRequest } from '../domain/crypto/envelope.ts';
import { KeyturnError } from '../domain/errors.ts';
import type { OwnerKey } from '../domain/policy/fact-declarations.ts';
import { ownerKeyOf } from '../domain/approval/owners.ts';
import { actionOf, type PolicySet } from '../domain/policy/policy.ts';
import type { PolicyFacts } from '../domain/policy/built-in-facts.ts';
import type { RequestRow } from '../database/tables.ts';
import type { Dependencies } from './dependencies.ts';
import { openArguments } from './gather-facts.ts';

/** What the row keeps of the arguments, for the owners. Arguments are opened only for an action that looks owners up. */
export async function keptOwnerKey(
  dependencies: Dependencies,
  signed: SignedRequest,
  policy: PolicySet,
): Promise<OwnerKey | null> {
  const { action } = signed;
  if (actionOf(policy, action)?.owners === undefined) return null;
  return ownerKeyOf(policy, { action, args: await openArguments(dependencies, signed) });
}

/** Refuses a row whose owners are looked up by anything else than what was signed. */
export async function refuseOtherOwnerKey(
  { policies }: Dependencies,
  { manager, row }: { readonly manager: EntityManager; readonly row: RequestRow },
  args: PolicyFacts['args'],
): Promise<void> {
  const creation = await policies.byDigest(manager, row.creation_policy_digest);
  const signed = ownerKeyOf(creation, { action: row.action, args });
  if (digestOf({ key: signed }) !== digestOf({ key: row.owner_key }))
    throw new KeyturnError('envelope_invalid', 'The stored request is not what was signed.');
}
