import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from '@temporalio/client';

import { consumeAllKept } from '../../activities/consume-all-kept.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { errorClass } from '../../activities/error-class.ts';
import { sweepOnce } from '../../activities/sweep.ts';
import { reconsiderSignal } from '../../workflows/messages.ts';
import { withAdvisoryLock } from './advisory-lock.ts';
import { countKept, noteSweep } from './metrics.ts';

const EVERY_MS = 2_000;

/** Of all replicas one keeps house at a time; the number means nothing else. */
const LOCK = 7_264_118;

/** What it takes to keep house. */
export interface Housekeeping {
  readonly dependencies: Dependencies;
  readonly client: Client;
  readonly namespace: string;
  readonly sweepEveryMs: number;
  readonly signal: AbortSignal;
}

/**
 * Until it is stopped: consumes what was acknowledged and did not reach its workflow, and sweeps in its period. Inside of
 * the workers, so that nobody who can write to the namespace can stop it.
 */
export async function keepHouse(work: Housekeeping): Promise<void> {
  let sweptAt = 0;
  while (!work.signal.aborted) {
    try {
      sweptAt =
        (await withAdvisoryLock(work.dependencies.source, LOCK, () => pass(work, sweptAt))) ?? sweptAt;
    } catch (error) {
      const { log } = work.dependencies;
      log.warn({ err: errorClass(error) }, 'housekeeping failed');
    }
    await pause(EVERY_MS, undefined, { signal: work.signal }).catch(() => undefined);
  }
}

/** Neither part holds up the other. Answers when the last sweep began. */
async function pass(work: Housekeeping, sweptAt: number): Promise<number> {
  await reported(work, 'consuming what was kept failed', () => consumeAndHint(work));
  const { dependencies, namespace, sweepEveryMs } = work;
  const now = Date.now();
  if (now - sweptAt < sweepEveryMs) return sweptAt;
  await reported(work, 'the sweep failed', async () =>
    noteSweep(await sweepOnce(dependencies, { namespace, quietMs: sweepEveryMs })),
  );
  return now;
}

async function consumeAndHint({ dependencies, client, namespace }: Housekeeping): Promise<void> {
  const moved = await consumeAllKept(dependencies, namespace);
  countKept(moved.length);
  // A hint without content: the workflow looks for itself. One that takes no signal finds it at its next deadline.
  for (const { id, run_id } of moved)
    await client.workflow
      .getHandle(id, run_id)
      .signal(reconsiderSignal)
      .catch(() => undefined);
}

async function reported(
  { dependencies }: Housekeeping,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    dependencies.log.error({ err: errorClass(error) }, what);
  }
}
