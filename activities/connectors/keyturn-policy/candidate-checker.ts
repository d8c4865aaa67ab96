import { Worker } from 'node:worker_threads';

import type { PolicyFindings } from '../../../database/policy-validation.ts';

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
 * Checks policies as if they were loaded, one at a time, each in a thread of its own: it is text from outside, of any size
 * and shape, and nothing that it makes of the reader may stop the process.
 */
export class CandidateChecker {
  #queue: Promise<unknown> = Promise.resolve();

  /** What is wrong with a policy, and what probably is. */
  findingsOf(candidate: unknown): Promise<PolicyFindings> {
    const answer = this.#queue.then(() => askThread(candidate));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }
}

const NO_ANSWER: PolicyFindings = {
  problems: ['the policy takes too long, or too much memory, to be checked'],
  warnings: [],
};

async function askThread(candidate: unknown): Promise<PolicyFindings> {
  const worker = new Worker(PROGRAM, {
    workerData: candidate,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  const answer = new Promise<PolicyFindings>((resolve) => {
    const fail = (): void => resolve(NO_ANSWER);
    const timer = setTimeout(fail, TIMEOUT_MS);
    worker.once('message', resolve).once('error', fail).once('exit', fail);
    worker.once('exit', () => clearTimeout(timer));
  });
  try {
    return await answer;
  } finally {
    await worker.terminate();
  }
}
