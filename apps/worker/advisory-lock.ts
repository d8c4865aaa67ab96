import type { DataSource, QueryRunner } from 'typeorm';

/** Does the work while no other process holds this lock. Null when one does: then the work is theirs. */
export async function withAdvisoryLock<Result>(
  source: DataSource,
  lock: number,
  work: (runner: QueryRunner) => Promise<Result>,
): Promise<Result | null> {
  const runner = source.createQueryRunner();
  try {
    const [answer] = (await runner.query('select pg_try_advisory_lock($1) as held', [lock])) as {
      held: boolean;
    }[];
    return answer?.held ? await work(runner) : null;
  } finally {
    // Also gives the lock back.
    await runner.query('select pg_advisory_unlock_all()').catch(() => undefined);
    await runner.release();
  }
}
