import type { EntityManager } from 'typeorm';

import { rows, valueOf } from './rows.ts';

/** How long a proof can be used, as its function in the database says. */
export const PROOF_MS = 600_000;

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
  /** Of the ID token that the provider answered with; null while there is none. */
  readonly token_digest: string | null;
}

/** Begins a proof, for ten minutes. */
export async function storeProof(
  manager: EntityManager,
  begun: Omit<BegunProof, 'expires_at' | 'token_digest'>,
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

/** What a provider answered to the sign-in of a proof. */
export interface ProviderAnswer extends Pick<BegunProof, 'id' | 'session'> {
  readonly digest: string;
  /** The ID token, compact JWE. */
  readonly sealed: string;
  /** Until when the token is in force, RFC 3339. */
  readonly expires_at: string;
}

/** Stores what the provider answered. False where the proof is of another session, was answered before, or is over. */
export async function answerProof(manager: EntityManager, answer: ProviderAnswer): Promise<boolean> {
  return (await valueOf<boolean>(manager, 'select keyturn.answer_decision_proof($1)', [answer])) === true;
}

/** Uses a proof. False where it was used before, or is over. */
export async function useProof(manager: EntityManager, id: string): Promise<boolean> {
  const [used] = await rows<{ used: boolean }>(manager, 'select keyturn.use_decision_proof($1) as used', [
    id,
  ]);
  return used?.used === true;
}
