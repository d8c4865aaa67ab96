import type { DataSource, EntityManager } from 'typeorm';

import { CLOCK_TOLERANCE_MS } from '../domain/calendar/clock-tolerance.ts';
import { KeyturnError } from '../domain/errors.ts';
import { valueOf } from './rows.ts';

/** How long a comparison holds, by a clock that nobody sets. */
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
  const now = (await databaseNow(manager)).getTime();
  const after = Date.now();
  const isRight = now >= before - CLOCK_TOLERANCE_MS && now <= after + CLOCK_TOLERANCE_MS;
  if (!isRight)
    throw new KeyturnError('unavailable', "The clock of this server differs from the database's.", {
      retryAfterSeconds: 10,
    });
  compared.set(source, { atMs: performance.now(), wallMs: after });
}

/** The database's clock: the one clock that all processes share. */
export async function databaseNow(manager: EntityManager): Promise<Date> {
  const now = await valueOf<Date>(manager, 'select clock_timestamp()');
  if (!now) throw new KeyturnError('unavailable', 'The database does not tell the time.');
  return now;
}

/** Not long ago, and the clock was not set since. */
function isStillSo({ atMs, wallMs }: { readonly atMs: number; readonly wallMs: number }): boolean {
  const passedMs = performance.now() - atMs;
  return passedMs < HOLDS_MS && Math.abs(Date.now() - wallMs - passedMs) < 1_000;
}
