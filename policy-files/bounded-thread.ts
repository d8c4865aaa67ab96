import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { ChecksBusy } from '../domain/execution/fair-pool.ts';

/** Checking needs a small part of this; a thread that wants more ends, and the process goes on. */
const HEAP_MB_MAX = 512;

/** What a thread does: a program beside a file, what it begins with, and how long all of it may take. */
export interface ThreadWork {
  readonly program: string;
  readonly beside: string;
  readonly data: unknown;
  readonly timeoutMs: number;
}

/** The thread ended by itself. */
export class ThreadEnded extends Error {
  /** The code or name of what ended it: what its message holds stays inside. */
  readonly reason: string;

  constructor(cause: unknown) {
    super('The thread ended before it answered.', { cause });
    this.name = 'ThreadEnded';
    this.reason = reasonOf(cause);
  }

  /** True when it wanted more memory than it may have. */
  get isOutOfMemory(): boolean {
    return this.reason === 'ERR_WORKER_OUT_OF_MEMORY';
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'exit';
  return 'code' in cause ? String(cause.code) : cause.name;
}

/**
 * A thread of its own for what reads policies from outside: text of any size and shape, and nothing that it makes of the
 * reader may stop the process or keep it busy.
 */
export class BoundedThread<Answer> {
  readonly #worker: Worker;
  readonly #timeout: AbortSignal;
  readonly #ended: Promise<unknown>;

  constructor({ program, beside, data, timeoutMs }: ThreadWork) {
    // Compiled or not, as the file is.
    const ending = beside.slice(beside.lastIndexOf('.'));
    this.#worker = new Worker(new URL(`./${program}${ending}`, beside), {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('error', resolve).once('exit', resolve);
    });
    this.#timeout = AbortSignal.timeout(timeoutMs);
  }

  /** Its next answer. Throws `ChecksBusy` when the time is over, and `ThreadEnded`. */
  async next(message?: unknown): Promise<Answer> {
    if (message !== undefined) this.#worker.postMessage(message);
    const ended = this.#ended.then((cause) => Promise.reject(new ThreadEnded(cause)));
    try {
      const [answer] = await Promise.race([once(this.#worker, 'message', { signal: this.#timeout }), ended]);
      return answer as Answer;
    } catch (error) {
      if (error instanceof ThreadEnded) throw error;
      throw this.#timeout.aborted ? new ChecksBusy('timeout') : new ThreadEnded(error);
    }
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
