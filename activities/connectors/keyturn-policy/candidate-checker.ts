import { Worker } from 'node:worker_threads';

import type { PolicyFindings } from '../../../database/policy-validation.ts';
import { ChecksBusy, FairPool, type FairPoolLimits } from '../fair-pool.ts';

/** How long checking one policy may take, once it is its turn. On a busy machine most of it is the start of the thread. */
const TIMEOUT_MS = 30_000;

/** Checking needs a small part of this; a thread that wants more ends, and the process goes on. */
const HEAP_MB_MAX = 512;

/** Beside this file, compiled or not. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './checker-thread.ts' : './checker-thread.js',
  import.meta.url,
);

const POOL: FairPoolLimits = { places: 2, waitingMax: 20 };

/**
 * Checks policies as if they were loaded, each in a thread of its own: it is text from outside, of any size and shape,
 * and nothing that it makes of the reader may stop the process. Requesters take turns.
 */
export class CandidateChecker {
  readonly #pool = new FairPool(POOL);

  /** What is wrong with a policy, and what probably is. Throws `ChecksBusy` when there is no room or no time. */
  findingsOf(root: string, candidate: unknown): Promise<PolicyFindings> {
    return this.#pool.run(root, () => askThread(candidate));
  }
}

const TOO_LARGE: PolicyFindings = {
  problems: ['the policy takes too much memory to be checked'],
  warnings: [],
};

async function askThread(candidate: unknown): Promise<PolicyFindings> {
  const worker = new Worker(PROGRAM, {
    workerData: candidate,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  const answer = new Promise<PolicyFindings>((resolve, reject) => {
    const fail = (): void => resolve(TOO_LARGE);
    const timer = setTimeout(() => reject(new ChecksBusy('timeout')), TIMEOUT_MS);
    worker.once('message', resolve).once('error', fail).once('exit', fail);
    worker.once('exit', () => clearTimeout(timer));
  });
  try {
    return await answer;
  } finally {
    await worker.terminate();
  }
}
