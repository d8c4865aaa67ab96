import type { EntityManager } from 'typeorm';

import { valueOf } from './rows.ts';

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

/** Counts a refused attempt by an account (pseudonym). Null when no entry is due: the log would grow with every attempt, so it gets few of them. */
export async function noteRefusedAttempt(
  manager: EntityManager,
  { request, account, code }: Readonly<Record<'request' | 'account' | 'code', string>>,
): Promise<NotedAttempt | null> {
  return valueOf(manager, 'select keyturn.note_refused_attempt($1, $2, $3)', [request, account, code]);
}

/** Appends the entry of a noted attempt, in the same transaction, with the names behind its pseudonyms. */
export async function recordRefusedAttempt(
  manager: EntityManager,
  leaf: string,
  subjects: Readonly<Record<string, object>>,
): Promise<void> {
  await manager.query('select keyturn.record_refused_attempt($1, $2)', [leaf, JSON.stringify(subjects)]);
}
