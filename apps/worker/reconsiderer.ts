import { setTimeout as pause } from 'node:timers/promises';

import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { DataSource, QueryRunner } from 'typeorm';

import type { DirectoryReader } from '../../database/directory-reader.ts';
import type { PolicyReader } from '../../database/readers.ts';
import {
  generationsNow,
  generationsSeen,
  noteSeen,
  waitingRequests,
} from '../../database/reconsideration.ts';
import { mustReconsider } from '../../domain/reconsideration.ts';
import { reconsiderSignal } from '../../workflows/messages.ts';

const EVERY_MS = 2_000;
const PAGE = 500;

/** Of all replicas one looks at a time; the number means nothing else. */
const LOCK = 7_264_117;

/** What it takes to look at waiting requests. */
export interface Reconsidering {
  readonly source: DataSource;
  readonly policies: PolicyReader;
  readonly directories: DirectoryReader;
  readonly client: Client;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Until it is stopped: whenever the policy or the directory has changed, holds all waiting requests against it in the
 * database, and sends a hint to the workflows of those that would end or need more. One hint each, so ten thousand
 * waiting requests that nothing changes for cost no workflow task. What a lost hint misses, the claim still refuses.
 */
export async function reconsiderOnChange(work: Reconsidering): Promise<void> {
  while (!work.signal.aborted) {
    await look(work).catch((error: unknown) =>
      work.log.warn(
        { err: error instanceof Error ? error.name : 'unknown' },
        'could not look at waiting requests',
      ),
    );
    await pause(EVERY_MS, undefined, { signal: work.signal }).catch(() => undefined);
  }
}

async function look(work: Reconsidering): Promise<void> {
  const { manager } = work.source;
  if ((await generationsNow(manager)) === (await generationsSeen(manager))) return;
  const runner = work.source.createQueryRunner();
  try {
    const [lock] = (await runner.query('select pg_try_advisory_lock($1) as held', [LOCK])) as {
      held: boolean;
    }[];
    if (!lock?.held) return;
    await lookThrough(work, runner);
  } finally {
    // Also gives the lock back.
    await runner.query('select pg_advisory_unlock_all()').catch(() => undefined);
    await runner.release();
  }
}

async function lookThrough(work: Reconsidering, { manager }: QueryRunner): Promise<void> {
  // Read first: what changes meanwhile is looked at again.
  const generations = await generationsNow(manager);
  const active = await work.policies.active(manager);
  if (!active) return;
  const { directory } = await work.directories.now(manager);
  let after = '';
  for (;;) {
    const page = await waitingRequests(manager, after, PAGE);
    const today = { policy: active.policy, directory, at: new Date().toISOString() };
    for (const request of page) if (mustReconsider(request, today)) await remind(work, request.id);
    const last = page.at(-1);
    if (!last || page.length < PAGE || work.signal.aborted) break;
    after = last.id;
  }
  if (!work.signal.aborted) await noteSeen(manager, generations);
}

async function remind({ client, log }: Reconsidering, request: string): Promise<void> {
  try {
    await client.workflow.getHandle(request).signal(reconsiderSignal);
    log.info({ request }, 'asked to look again: rules or people changed');
  } catch (error) {
    // Its workflow ended meanwhile, or is gone: the sweeper's matter.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
