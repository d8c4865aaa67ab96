import { setTimeout as pause } from 'node:timers/promises';

import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';

import { withAdvisoryLock, type AdvisoryLock } from '../database/advisory-locks.ts';
import { isKeyturnError } from '../domain/errors.ts';

/** Work that is done again and again, by one process at a time. */
export interface Loop {
  readonly everyMs: number;
  readonly source: DataSource;
  /** Of all replicas the one that holds it works; null: each does. */
  readonly lock: AdvisoryLock | null;
  readonly log: Logger;
  /** What the log says when the work fails. */
  readonly failed: string;
  readonly signal: AbortSignal;
}

/**
 * Until it is stopped: does the work, waits, and does it again, so it never overlaps itself. What fails is logged and tried
 * again. Work that has begun is waited for, also at the end; a wait ends at once.
 */
export async function every(loop: Loop, work: (lock: EntityManager) => Promise<unknown>): Promise<void> {
  const { everyMs, source, lock, log, failed, signal } = loop;
  while (!signal.aborted) {
    try {
      await (lock === null ? work(source.manager) : withAdvisoryLock(source, lock, work));
    } catch (error) {
      log.error({ err: reasonOf(error) }, failed);
    }
    await pause(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Messages of ours are safe to log; those of others may quote what they were given. */
export function reasonOf(error: unknown): string {
  if (isKeyturnError(error)) return `${error.code}: ${error.message}`;
  const code = error instanceof Error && 'code' in error ? `:${String(error.code)}` : '';
  return `${error instanceof Error ? error.name : 'unknown'}${code}`;
}
