import type { DataSource, EntityManager } from 'typeorm';

import { columnOf, firstRow, valueOf } from './rows.ts';

/** A signed message that was acknowledged and is not consumed yet. */
export interface KeptMessage {
  readonly id: string;
  readonly kind: 'decide' | 'withdraw';
  readonly envelope: string;
}

/** Messages that were consumed are not kept any more. */
export async function markConsumed(manager: EntityManager, messages: readonly KeptMessage[]): Promise<void> {
  await manager.query(
    'update keyturn.kept_message set consumed_at = clock_timestamp() where id = any($1) and consumed_at is null',
    [messages.map(({ id }) => id)],
  );
}

/** A message by its id, consumed or not; null for none. */
export async function readKeptMessage(manager: EntityManager, id: string): Promise<KeptMessage | null> {
  const text = 'select id, kind, envelope from keyturn.kept_message where id = $1';
  return (await firstRow<KeptMessage>(manager, text, [id])) ?? null;
}

/** Keeps a message until a worker has consumed it. False when too many wait for this request already. */
export async function keepMessage(
  manager: EntityManager,
  request: string,
  { id, kind, envelope }: KeptMessage,
): Promise<boolean> {
  const text = 'select keyturn.keep_message($1, $2, $3, $4)';
  return (await valueOf<boolean>(manager, text, [id, request, kind, envelope])) ?? false;
}

/** Requests for which messages wait, with the run that they belong to. A random choice: none can stand before the others. */
export async function requestsWithKept(
  source: DataSource,
  limit: number,
): Promise<readonly { readonly id: string; readonly run_id: string }[]> {
  return source.query(
    `select id, run_id from keyturn.request
     where id in (select request from keyturn.kept_message where consumed_at is null)
     order by random() limit $1`,
    [limit],
  );
}

/** Longer than a signed request may take to be received. */
const RECEIVED_WITHIN = '2 hours';

/** So long they are reported from then on: an alert that nobody can end hides the next one. */
const REPORTED_FOR = '1 day';

/** Ids of requests for which messages wait though nobody has received them, or ever will: of the last day. */
export async function keptWithoutRequest(source: DataSource, limit: number): Promise<readonly string[]> {
  return columnOf(
    source.manager,
    `select distinct request from keyturn.kept_message kept
     where consumed_at is null and kept_at < clock_timestamp() - interval '${RECEIVED_WITHIN}'
       and kept_at > clock_timestamp() - interval '${RECEIVED_WITHIN}' - interval '${REPORTED_FOR}'
       and not exists (select from keyturn.request where id = kept.request) limit $1`,
    [limit],
  );
}
