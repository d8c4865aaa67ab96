import type { EntityManager } from 'typeorm';

/** One attempt that was refused: about which request, by which account (pseudonym), and why. */
export interface RefusedAttempt {
  readonly request: string;
  readonly account: string;
  readonly code: string;
}

/** An attempt that gets an entry of its own, and what that entry follows from. The request is locked. */
export interface NotedAttempt {
  readonly run: string;
  readonly intent_digest: string;
  /** The newest entry of the request; null for none. */
  readonly last: string | null;
  /** The account that it is counted for; `others` where too many tried. */
  readonly account: string;
  /** How many of these there were, this one included. */
  readonly attempts: number;
  /** The database's clock. */
  readonly now: string;
}

/** Counts an attempt. Null when no entry is due: the log would grow with every attempt, so it gets few of them. */
export async function noteRefusedAttempt(
  manager: EntityManager,
  { request, account, code }: RefusedAttempt,
): Promise<NotedAttempt | null> {
  const rows: { noted: NotedAttempt | null }[] = await manager.query(
    'select keyturn.note_refused_attempt($1, $2, $3) as noted',
    [request, account, code],
  );
  return rows[0]?.noted ?? null;
}

/** Appends the entry of a noted attempt, in the same transaction, with the names behind its pseudonyms. */
export async function recordRefusedAttempt(
  manager: EntityManager,
  leaf: string,
  subjects: Readonly<Record<string, object>>,
): Promise<void> {
  await manager.query('select keyturn.record_refused_attempt($1, $2)', [leaf, JSON.stringify(subjects)]);
}
