import type { Client } from 'pg';

import { closedLoop, quantile } from './measure.ts';

/**
 * Median milliseconds of one bare rehearsal: the statement of a request in a transaction of a kept session at the target,
 * which is rolled back. Nothing is analysed, compared or checked. Beside raw Temporal it is the floor of a plan.
 */
export async function bareRehearsalMs(target: Client, statement: string, count: number): Promise<number> {
  const { latenciesMs } = await closedLoop(1, count, async () => {
    await target.query('begin');
    await target.query(statement);
    await target.query('rollback');
  });
  return quantile(latenciesMs, 0.5);
}
