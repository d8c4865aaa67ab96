import type { EntityManager } from 'typeorm';

import { heldPasskeys } from '../../database/passkeys.ts';
import type { RequestRow } from '../../database/tables.ts';
import type { SignedDecision } from '../../domain/crypto/envelope.ts';
import { proofFault } from '../../domain/proof/decision-proof.ts';

/** Says why a decision of this person is not of the grade that it claims; null where it is. */
export type ProofCheck = (signed: SignedDecision, person: string) => string | null;

/**
 * Checks the proofs of decisions on a request against the passkeys of now, which stay as they are until the transaction
 * ends. Nothing is read where nothing is proven.
 */
export async function proofCheck(
  { manager, row }: { readonly manager: EntityManager; readonly row: Pick<RequestRow, 'created_at'> },
  decisions: readonly SignedDecision[],
): Promise<ProofCheck> {
  const credentials = decisions.flatMap(({ proof }) => (proof?.kind === 'passkey' ? [proof.credential] : []));
  const known = await heldPasskeys(manager, credentials);
  return (signed, person) => {
    const { proof } = signed;
    const found =
      proof?.kind === 'passkey' ? known.find(({ credential }) => credential === proof.credential) : null;
    const passkey = found ? { ...found, is_revoked: found.revoked_at !== null } : null;
    return proofFault(signed, { person, requestedAt: row.created_at.toISOString(), passkey });
  };
}
