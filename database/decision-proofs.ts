import type { EntityManager } from 'typeorm';

import { rows, valueOf } from './rows.ts';

/** A proof of a decision that was begun. */
export interface BegunProof {
  readonly id: string;
  readonly session: string;
  readonly person: string;
  readonly request: string;
  readonly grade: 'A' | 'B';
  readonly verdict: string;
  readonly decision_digest: string;
  readonly view_digest: string;
  /** base64url. */
  readonly random: string;
  readonly expires_at: string;
}

/** Begins a proof, for ten minutes. */
export async function storeProof(
  manager: EntityManager,
  begun: Omit<BegunProof, 'expires_at'>,
): Promise<BegunProof> {
  const stored = await valueOf<BegunProof>(manager, 'select keyturn.begin_decision_proof($1)', [begun]);
  if (!stored) throw new Error('The database does not say which proof it stored.');
  return stored;
}

/** The proof of this id, while it can be used in this session; null for none. */
export async function openProof(
  manager: EntityManager,
  { id, session }: Pick<BegunProof, 'id' | 'session'>,
): Promise<BegunProof | null> {
  const text = `select to_jsonb(proof) from keyturn.decision_proof proof
    where id = $1 and session = $2 and used_at is null and expires_at > clock_timestamp()`;
  return valueOf(manager, text, [id, session]);
}

/** Uses a proof. False where it was used before, or is over. */
export async function useProof(manager: EntityManager, id: string): Promise<boolean> {
  const [used] = await rows<{ used: boolean }>(manager, 'select keyturn.use_decision_proof($1) as used', [
    id,
  ]);
  return used?.used === true;
}
