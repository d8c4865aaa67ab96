import type { EntityManager } from 'typeorm';

import { firstRow } from './rows.ts';

const CAUSE_CHARACTERS_MAX = 500;

/** Notes why a target gave no answer for a request, in place of what was noted before. It decides nothing. */
export async function noteTrouble(
  manager: EntityManager,
  request: string,
  trouble: { readonly cause: string; readonly sql_state?: string },
): Promise<void> {
  const { cause, sql_state: state } = trouble;
  const text = state === undefined ? cause : `${cause} (${state})`;
  await manager.query(
    `insert into keyturn.target_trouble (request, cause, at) values ($1, $2, clock_timestamp())
     on conflict (request) do update set cause = excluded.cause, at = excluded.at`,
    [request, text.slice(0, CAUSE_CHARACTERS_MAX).toWellFormed()],
  );
}

/** Why the target gave no answer for a request the last time, for reviewers and operators; null where it always did. */
export async function readTrouble(manager: EntityManager, request: string): Promise<string | null> {
  const text = 'select cause, at from keyturn.target_trouble where request = $1';
  const row = await firstRow<{ cause: string; at: Date }>(manager, text, [request]);
  // It may have answered since: so it is said when.
  return row === undefined ? null : `The target gave no answer (${row.at.toISOString()}): ${row.cause}.`;
}
