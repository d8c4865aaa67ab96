import { escapeLiteral, type Client } from 'pg';

import { isSurvivedError } from './sql-error.ts';
import { rowsOf } from './session.ts';

const UNIQUE_VIOLATION = '23505';

/**
 * Notes the key in the writer's transaction, as the login role. False when another run has it. Waits for a run that
 * has it open; when that takes too long, the lock time-out is raised.
 */
export async function claimKey(client: Client, entry: Entry): Promise<boolean> {
  try {
    await client.query(claiming(entry));
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

interface Entry {
  readonly key: string;
  readonly requestId: string;
  readonly fingerprint: string | null;
}

/** The statement that notes a key. */
export function claiming({ key, requestId, fingerprint }: Entry): string {
  const values = [key, requestId].map((value) => escapeLiteral(value)).join(', ');
  const noted = fingerprint === null ? 'null, true' : `${escapeLiteral(fingerprint)}, false`;
  return `insert into keyturn.execution (key, request_id, fingerprint, fenced) values (${values}, ${noted})`;
}

/** True where that failed because another run has the key. */
export function isTaken(error: unknown): boolean {
  return isSurvivedError(error) && error.code === UNIQUE_VIOLATION;
}

/** What the target's ledger says of a key: a fenced run has no fingerprint. Undefined where it says nothing. */
export async function readLedger(
  client: Client,
  key: string,
): Promise<{ readonly fenced: boolean; readonly fingerprint: string | null } | undefined> {
  const text = 'select fenced, fingerprint from keyturn.execution where key operator(pg_catalog.=) $1';
  const [row] = await rowsOf<{ fenced: boolean; fingerprint: string | null }>(client, text, [key]);
  return row;
}
