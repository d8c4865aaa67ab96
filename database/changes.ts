import type { EntityManager } from 'typeorm';

import { queryPrepared } from './prepared.ts';

/** The channel on which writers say, after their commit, that a request changed. The payload is the request's id. */
export const CHANGE_CHANNEL = 'keyturn_change';

const NOTIFY = { name: 'notify', text: 'select pg_notify($1, $2)' };

/** Says that a request changed. */
export async function notifyChange(manager: EntityManager, request: string): Promise<void> {
  await queryPrepared(manager, NOTIFY, [CHANGE_CHANNEL, request]);
}
