import type { DataSource, EntityManager } from 'typeorm';

import { rows, valueOf } from './rows.ts';

/**
 * All locks that one process of all replicas holds at a time, for as long as it works. No two kinds of work share a number;
 * the numbers mean nothing else.
 */
export const ADVISORY_LOCKS = {
  reconsidering: 7_264_117,
  polling: 7_264_118,
  housekeeping: 7_264_119,
  issuerKeys: 7_264_120,
} as const;

/** One of them. */
export type AdvisoryLock = keyof typeof ADVISORY_LOCKS;

/** Does the work while no other process holds this lock. Null when one does: then the work is theirs. */
export async function withAdvisoryLock<Result>(
  source: DataSource,
  lock: AdvisoryLock,
  work: (manager: EntityManager) => Promise<Result>,
): Promise<Result | null> {
  const runner = source.createQueryRunner();
  const { manager } = runner;
  try {
    const held = await valueOf(manager, 'select pg_try_advisory_lock($1)', [ADVISORY_LOCKS[lock]]);
    return held === true ? await work(manager) : null;
  } finally {
    // Also gives the lock back.
    await rows(manager, 'select pg_advisory_unlock_all()').catch(() => undefined);
    await runner.release();
  }
}

/** Throws when the connection is gone, and with it the lock: then another process may be working. */
export async function assertLockHeld(manager: EntityManager): Promise<void> {
  await rows(manager, 'select 1');
}
