import type { EntityManager } from 'typeorm';

import { queryPrepared } from './prepared.ts';

/** The channel on which writers say, after their commit, that a request changed. The payload is the request's id. */
export const CHANGE_CHANNEL = 'keyturn_change';

const NOTIFY = {
  name: 'notify',
  text: 'select pg_notify($1, request) from unnest($2::text[]) as changed (request)',
};

/** Of each connection pool: what changed while a notification was under way. */
const waiting = new WeakMap<object, string[]>();

/**
 * Says that a request changed. Notifications commit one after another in the whole cluster: those that come while one is
 * under way go out together after it.
 */
export async function notifyChange(manager: EntityManager, request: string): Promise<void> {
  const { dataSource } = manager;
  const others = waiting.get(dataSource);
  if (others) {
    others.push(request);
    return;
  }
  const failures: unknown[] = [];
  for (let next: readonly string[] = [request]; next.length > 0;) {
    const later: string[] = [];
    waiting.set(dataSource, later);
    await queryPrepared(manager, NOTIFY, [CHANGE_CHANNEL, next]).catch((error: unknown) =>
      failures.push(error),
    );
    next = later;
  }
  waiting.delete(dataSource);
  if (failures.length > 0) throw failures[0];
}
