import { Worker } from 'node:worker_threads';

/** A policy that takes longer to check is refused. On a busy machine most of it is the start of the thread. */
const TIMEOUT_MS = 30_000;

/** Checking needs a small part of this; a thread that wants more ends, and the process goes on. */
const HEAP_MB_MAX = 512;

/** Beside this file, compiled or not. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './checker-thread.ts' : './checker-thread.js',
  import.meta.url,
);

/**
 * Checks a policy as if it were loaded, in a thread of its own: it is text from outside, of any size and shape, and
 * nothing that it makes of the reader may stop the process. Empty when nothing is wrong with it.
 */
export function checkCandidate(candidate: unknown): Promise<readonly string[]> {
  const worker = new Worker(PROGRAM, {
    workerData: candidate,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  return new Promise<readonly string[]>((resolve) => {
    const fail = (): void => resolve(['the policy takes too long, or too much memory, to be checked']);
    const timer = setTimeout(fail, TIMEOUT_MS);
    worker.once('message', resolve).once('error', fail).once('exit', fail);
    worker.once('exit', () => clearTimeout(timer));
  }).finally(() => worker.terminate());
}
