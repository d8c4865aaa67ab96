import { readFileSync } from 'node:fs';

import type { Program } from '../../stack/program.ts';
import type { Stack } from '../../stack/stack.ts';
import { waitFor } from '../../stack/wait.ts';

/** The worker that executes the request, as the Temporal server says. */
export async function performerOf({ temporal, workers }: Stack, id: string): Promise<Program> {
  return waitFor({
    what: 'a worker to execute the request',
    check: async () => {
      const { raw } = await temporal.workflow.getHandle(id).describe();
      const identity = raw.pendingActivities?.[0]?.lastWorkerIdentity ?? '';
      return workers.find((worker) => identity.startsWith(`${worker.pid()}@`));
    },
  });
}

/** Resolves once a worker that was asked to stop takes nothing new. */
export async function isDraining(worker: Program): Promise<void> {
  await logged(worker, `"pid":${worker.pid()},[^\\n]*"msg":"draining"`);
}

/** Resolves once the program has written a line that the pattern fits. */
export async function logged(program: Program, pattern: string): Promise<void> {
  await waitFor({
    what: `${program.name} to log ${pattern}`,
    check: async () => new RegExp(pattern).test(readFileSync(program.logFile, 'utf8')) || undefined,
  });
}
