import type { DataSource, QueryRunner } from 'typeorm';

/**
 * All locks that one process holds at a time, of all replicas. Whoever holds one keeps the others out for as long as it
 * works, so no two kinds of work share a number; the numbers mean nothing else.
 */
export const ADVISORY_LOCKS = {
  reconsidering: 7_264_117,
  polling: 7_264_118,
  housekeeping: 7_264_119,
} as const;

/** Does the work while no other process holds this lock. Null when one does: then the work is theirs. */
export async function withAdvisoryLock<Result>(
  source: DataSource,
  lock: keyof typeof ADVISORY_LOCKS,
  work: (runner: QueryRunner) => Promise<Result>,
): Promise<Result | null> {
  const runner = source.createQueryRunner();
  try {
    const [answer] = (await runner.query('select pg_try_advisory_lock($1) as held', [
      ADVISORY_LOCKS[lock],
    ])) as { held: boolean }[];
    return answer?.held ? await work(runner) : null;
  } finally {
    // Also gives the lock back.
    await runner.query('select pg_advisory_unlock_all()').catch(() => undefined);
    await runner.release();
  }
}
