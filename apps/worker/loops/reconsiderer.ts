import { setImmediate as letOthersRun } from 'node:timers/promises';

import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';

import { errorClass } from '../../../activities/error-class.ts';
import { withAdvisoryLock } from '../../../database/advisory-locks.ts';
import type { DirectoryReader } from '../../../database/directory-reader.ts';
import type { PolicyReader } from '../../../database/readers.ts';
import {
  generationsNow,
  generationsSeen,
  noteSeen,
  waitingRequests,
} from '../../../database/reconsideration.ts';
import { mustReconsider, type Today } from '../../../domain/execution/reconsideration.ts';
import { EligiblePeople } from '../../../domain/approval/satisfiable.ts';
import { reconsiderSignal } from '../../../workflows/messages.ts';
import { every } from '../../every.ts';

const EVERY_MS = 2_000;
const PAGE = 500;
const FAILED = 'could not look at waiting requests';

/** Passes over the same change after which those that could not be notified are left, about two minutes. */
const PASSES_MAX = 60;

/** What it takes to look at waiting requests. */
export interface Reconsidering {
  readonly source: DataSource;
  readonly policies: PolicyReader;
  readonly directories: DirectoryReader;
  readonly client: Client;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** What was done about one change: each request is notified of it once, whatever becomes of the others. */
interface Round {
  readonly generations: string;
  readonly notified: Set<string>;
  passes: number;
}

/**
 * Until it is stopped: whenever the policy or the directory has changed, holds all waiting requests against it in the
 * database, and sends a hint to the workflows of those that would end or need more. One hint each, so ten thousand
 * waiting requests that nothing changes for cost no workflow task. What a lost hint misses, the claim still refuses.
 */
export async function reconsiderOnChange(work: Reconsidering): Promise<void> {
  let round: Round | null = null;
  await every({ ...work, everyMs: EVERY_MS, lock: null, failed: FAILED }, async (manager) => {
    if ((await generationsNow(manager)) === (await generationsSeen(manager))) return;
    await withAdvisoryLock(work.source, 'reconsidering', async (lock) => {
      const today = await readToday(work, lock);
      // Another replica may have looked while this one waited.
      if (!today || today.generations === (await generationsSeen(lock))) return;
      // Kept before the pass, which may fail: what was notified of the change stays notified.
      if (round?.generations !== today.generations)
        round = { generations: today.generations, notified: new Set(), passes: 0 };
      await lookThrough(work, lock, { round, ...today });
    });
  });
}

type PolicyAndDirectory = Omit<Today, 'at'>;

/** Null where one of them changed meanwhile: the next pass reads both as they are then, and notifies of each change once. */
async function readToday(
  { policies, directories }: Reconsidering,
  manager: EntityManager,
): Promise<(PolicyAndDirectory & Pick<Round, 'generations'>) | null> {
  const active = await policies.active(manager);
  if (!active) return null;
  const { generation, directory } = await directories.now(manager);
  const generations = `${active.generation}/${generation}`;
  return generations === (await generationsNow(manager))
    ? { generations, policy: active.policy, directory }
    : null;
}

async function lookThrough(
  work: Reconsidering,
  manager: EntityManager,
  { round, policy, directory }: PolicyAndDirectory & { readonly round: Round },
): Promise<void> {
  const areAllNotified = await notifyAll(work, manager, { round, policy, directory });
  round.passes += 1;
  const isOver = areAllNotified || round.passes >= PASSES_MAX;
  if (isOver && !work.signal.aborted) await noteSeen(manager, round.generations);
}

async function notifyAll(
  work: Reconsidering,
  manager: EntityManager,
  { round, ...today }: PolicyAndDirectory & { readonly round: Round },
): Promise<boolean> {
  const eligible = new EligiblePeople();
  let after = '';
  let areAllNotified = true;
  for (;;) {
    const page = await waitingRequests(manager, after, PAGE);
    const at = new Date().toISOString();
    for (const request of page) {
      // Heartbeats and steps of others share this thread: none of them waits for a whole page.
      await letOthersRun();
      if (
        !round.notified.has(request.id) &&
        mustBeNotified(work, request, () => mustReconsider(request, { ...today, at }, eligible))
      )
        areAllNotified = (await remind(work, request, round)) && areAllNotified;
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE || work.signal.aborted) return areAllNotified;
    after = last.id;
  }
}

/** One that cannot be read, because somebody wrote around the steps, is reported and holds up none of the others. */
function mustBeNotified(
  { log }: Reconsidering,
  { id: request }: { readonly id: string },
  isTouched: () => boolean,
): boolean {
  try {
    return isTouched();
  } catch (error) {
    log.error({ request, err: errorClass(error) }, 'a waiting request cannot be read');
    return false;
  }
}

/** False when it could not be notified: others must not wait for it. A workflow that had too many signals refuses more. */
async function remind(
  { client, log }: Reconsidering,
  { id: request, run_id }: { readonly id: string; readonly run_id: string },
  { notified }: Round,
): Promise<boolean> {
  try {
    await client.workflow.getHandle(request, run_id).signal(reconsiderSignal);
    log.info({ request }, 'asked to look again: rules or people changed');
  } catch (error) {
    // Its workflow ended meanwhile, or is gone: the sweeper's matter.
    if (!(error instanceof WorkflowNotFoundError)) {
      log.warn(
        { request, err: error instanceof Error ? error.name : 'unknown' },
        'could not be asked to look again',
      );
      return false;
    }
  }
  notified.add(request);
  return true;
}
