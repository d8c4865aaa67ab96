import { setTimeout } from 'node:timers/promises';

import type { Client } from 'pg';

import { StatementRefused } from './refusal.ts';
import { rowsOf } from './session.ts';
import { isTooSlow } from './sql-error.ts';

/** What is rolled back stays in the tables as dead rows until they are vacuumed: no more of it than this. */
const GROWTH_BYTES_MAX = 32 * 1024 * 1024;
const LOOK_EVERY_MS = 100;

/** What is watched. */
interface Watched {
  /** Of the writer's session at the server. */
  readonly processId: number;
  /** Has nothing to do meanwhile. */
  readonly reader: Client;
  readonly tables: readonly string[];
}

/**
 * Runs work of the writer and stops it when the tables grow too much meanwhile. Whatever else grows them counts as well:
 * a moment with that much going on is none for trying things out. Work that is soon done is not looked at.
 */
export async function stoppingGrowth<Answer>(watched: Watched, work: () => Promise<Answer>): Promise<Answer> {
  if (watched.tables.length === 0) return work();
  const ending = new AbortController();
  const watching = watch(watched, ending.signal);
  try {
    return await work();
  } catch (error) {
    ending.abort();
    throw isTooSlow(error) && (await watching) ? new StatementRefused('planning_limit', GROWN) : error;
  } finally {
    ending.abort();
    await watching;
  }
}

/** True when it had to stop the writer. A reader that fails watches no more: what it is needed for fails then. */
async function watch(watched: Watched, signal: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(LOOK_EVERY_MS, undefined, { signal });
    const before = await sizeOf(watched);
    while ((await sizeOf(watched)) - before <= GROWTH_BYTES_MAX)
      await setTimeout(LOOK_EVERY_MS, undefined, { signal });
    if (signal.aborted) return false;
    await rowsOf(watched.reader, 'select pg_catalog.pg_cancel_backend($1)', [watched.processId]);
    return true;
  } catch {
    return false;
  }
}

async function sizeOf({ reader, tables }: Watched): Promise<number> {
  const [row] = await rowsOf<{ bytes: string }>(reader, SIZE, [tables]);
  return Number(row?.bytes ?? '0');
}

/** Everything is qualified: between transactions a session has the target's path. */
const SIZE = `
  select pg_catalog.sum(pg_catalog.pg_total_relation_size(written.oid))::pg_catalog.text as bytes
    from pg_catalog.unnest($1::pg_catalog.oid[]) written(oid)`;

const GROWN =
  'Trying it out writes too much. Plan it in parts, or let the target only count rows (planning.rehearse: count).';
