import type { DataSource, EntityManager } from 'typeorm';

import { CLOCK_TOLERANCE_MS } from '../domain/calendar/clock-tolerance.ts';
import { KeyturnError } from '../domain/errors.ts';

/** How long a comparison holds, by the clock that nobody sets. */
const HOLDS_MS = 5_000;

const compared = new WeakMap<DataSource, { readonly atMs: number; readonly wallMs: number }>();

/**
 * Refuses (`unavailable`) while this process's clock differs from the database's by more than the tolerance. Inside a
 * transaction give its manager: waiting for a second connection could stop all that hold one.
 */
export async function refuseWrongClock(
  source: DataSource,
  manager: EntityManager = source.manager,
): Promise<void> {
  const known = compared.get(source);
  if (known && isStillSo(known)) return;
  const before = Date.now();
  const rows: { now: Date }[] = await manager.query('select clock_timestamp() as now');
  const after = Date.now();
  const now = rows[0]?.now.getTime() ?? Number.NaN;
  const isRight = now >= before - CLOCK_TOLERANCE_MS && now <= after + CLOCK_TOLERANCE_MS;
  if (!isRight)
    throw new KeyturnError('unavailable', "The clock of this server differs from the database's.", {
      retryAfterSeconds: 10,
    });
  compared.set(source, { atMs: performance.now(), wallMs: after });
}

/** Not long ago, and the clock was not set since. */
function isStillSo({ atMs, wallMs }: { readonly atMs: number; readonly wallMs: number }): boolean {
  const passedMs = performance.now() - atMs;
  return passedMs < HOLDS_MS && Math.abs(Date.now() - wallMs - passedMs) < 1_000;
}
