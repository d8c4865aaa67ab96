import type { Client } from '@temporalio/client';

import { consumeAllKept } from '../../../activities/steps/consume-all-kept.ts';
import type { Dependencies } from '../../../activities/dependencies.ts';
import { errorClass } from '../../../activities/error-class.ts';
import { sweepOnce } from '../../../activities/steps/sweep.ts';
import { reconsiderSignal } from '../../../workflows/messages.ts';
import { every } from '../../every.ts';
import { countKept, noteSweep } from '../metrics.ts';

const EVERY_MS = 2_000;

/** Periods without a sweep after which that is an error: something keeps this worker from it. */
const SILENT_PERIODS = 5;

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
  const { signal, dependencies } = work;
  const { source, log } = dependencies;
  const sweeps: Sweeps = { beganMs: null, heardMs: performance.now() };
  const loop = { everyMs: EVERY_MS, source, log, failed: 'housekeeping failed', signal };
  await Promise.all([
    every({ ...loop, lock: 'housekeeping' }, () => pass(work, sweeps)),
    // Beside it: also a pass that never comes back is reported.
    every({ ...loop, lock: null }, async () => reportSilence(work, sweeps)),
  ]);
}

/** When the last sweep began, and when one last ended or its absence was reported. By a clock that nobody sets. */
interface Sweeps {
  beganMs: number | null;
  heardMs: number;
}

/** Who may sign in to the database may hold the lock as well, and then nothing fails: only time shows it. */
function reportSilence({ dependencies, sweepEveryMs }: Housekeeping, sweeps: Sweeps): void {
  const silentMs = performance.now() - sweeps.heardMs;
  if (silentMs < SILENT_PERIODS * Math.max(sweepEveryMs, EVERY_MS)) return;
  sweeps.heardMs = performance.now();
  dependencies.log.error(
    { silent_seconds: Math.round(silentMs / 1_000) },
    'no sweep has run here: another session holds the lock of housekeeping, or sweeps fail or do not end',
  );
}

/** Neither part holds up the other. */
async function pass(work: Housekeeping, sweeps: Sweeps): Promise<void> {
  await reported(work, 'consuming what was kept failed', () => consumeAndHint(work));
  const { dependencies, namespace, sweepEveryMs } = work;
  const nowMs = performance.now();
  if (sweeps.beganMs !== null && nowMs - sweeps.beganMs < sweepEveryMs) return;
  sweeps.beganMs = nowMs;
  await reported(work, 'the sweep failed', async () => {
    noteSweep(await sweepOnce(dependencies, { namespace, quietMs: sweepEveryMs }));
    sweeps.heardMs = performance.now();
  });
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
