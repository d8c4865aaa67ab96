import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

import { ChecksBusy, FairPool, type FairPoolLimits } from '../../../domain/execution/fair-pool.ts';

/** A node of PostgreSQL's parse tree, as libpg-query prints it. */
export type TreeNode = Readonly<Record<string, unknown>>;

/** One token, with its place in bytes of UTF-8. */
export interface ScannedToken {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What parsing gave: a tree, or that it is not SQL or too deeply nested. */
export type ParseOutcome =
  | { readonly kind: 'parsed'; readonly statements: readonly TreeNode[] }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** PostgreSQL's own grammar, for one requester. Throws `ChecksBusy` when there is no room or no time to read a text. */
export interface SqlParser {
  /** The statements of a text. */
  parse(text: string): Promise<ParseOutcome>;
  /** The tokens of a text that parses, or null. */
  scan(text: string): Promise<readonly ScannedToken[] | null>;
}

const POOL: FairPoolLimits = { slots: 3, waitingMax: 100 };

/** A hang may be the machine's: one more try, in a fresh thread, before it is given up. */
const TRIES_MAX = 2;

/**
 * Parses with PostgreSQL's own grammar in a few threads. Measured: a hostile chain of 5,000 operators or sub-selects
 * overflows the stack inside the WebAssembly module, and repeated overflows hang it. A thread can be ended and
 * replaced; the process cannot. Requesters take turns, so the hostile text of one does not end what another waits for.
 */
export class SqlParsers {
  readonly #timeoutMs: number;
  readonly #pool = new FairPool(POOL);
  readonly #idle: Worker[] = [];

  /** How long reading one text may take, once it is its turn. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The parser of one requester. */
  of(requester: string): SqlParser {
    return {
      parse: async (text) => {
        const answer = await this.#ask(requester, { text, isScan: false });
        return answer.kind === 'scanned' ? { kind: 'unreadable', reason: 'it was not parsed' } : answer;
      },
      scan: async (text) => {
        const answer = await this.#ask(requester, { text, isScan: true });
        return answer.kind === 'scanned' ? answer.tokens : null;
      },
    };
  }

  async #ask(requester: string, question: Question): Promise<Usable> {
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const answer = await this.#pool.run(requester, () => this.#askThread(question));
      if (answer.kind === 'broken') return { kind: 'unreadable', reason: answer.reason };
      if (answer.kind !== 'late') return answer;
    }
    throw new ChecksBusy('timeout');
  }

  async #askThread(question: Question): Promise<Answer> {
    const worker = this.#idle.pop() ?? (await startWorker());
    const answer = await answerOf(worker, { question, timeoutMs: this.#timeoutMs });
    if (answer.kind === 'broken' || answer.kind === 'late') await worker.terminate();
    else this.#idle.push(worker);
    return answer;
  }
}

interface Question {
  readonly text: string;
  readonly isScan: boolean;
}

type Usable = ParseOutcome | { readonly kind: 'scanned'; readonly tokens: readonly ScannedToken[] };

type Answer =
  | Usable
  /** The thread is of no use any more, because of the text. */
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'late' };

const TOO_DEEP = 'the statement is nested too deeply to be read';
const TOO_LARGE = 'the statement takes too much memory to be read';

/** The largest statement that is allowed needs a small part of it. */
const HEAP_MB_MAX = 256;

/** Loading the grammar is no part of reading a text, and takes long where the machine is busy. */
const START_TIMEOUT_MS = 30_000;

const WORKER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const parser = require(workerData.library);
parentPort.on('message', ({ text, isScan }) => {
  try {
    if (isScan) parentPort.postMessage({ kind: 'scanned', tokens: parser.scanSync(text).tokens });
    else parentPort.postMessage({ kind: 'parsed', statements: parser.parseSync(text).stmts ?? [] });
  } catch (error) {
    const isSyntax = error instanceof parser.SqlError && !/memory exhausted|stack depth/.test(error.message);
    parentPort.postMessage(
      isSyntax ? { kind: 'unreadable', reason: error.message } : { kind: 'broken', reason: workerData.tooDeep },
    );
  }
});
parser.loadModule().then(() => parentPort.postMessage('ready'));`;

/** A thread that has loaded the grammar. */
async function startWorker(): Promise<Worker> {
  const library = createRequire(import.meta.url).resolve('libpg-query');
  const worker = new Worker(WORKER_SOURCE, {
    eval: true,
    workerData: { library, tooDeep: TOO_DEEP },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  // `answerOf` notices its end.
  worker.on('error', () => undefined);
  worker.unref();
  try {
    await once(worker, 'message', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
  } catch {
    await worker.terminate();
    throw new ChecksBusy('timeout');
  }
  return worker;
}

function answerOf(worker: Worker, ask: { question: Question; timeoutMs: number }): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (): void => finish({ kind: 'broken', reason: TOO_LARGE });
    const timer = setTimeout(() => finish({ kind: 'late' }), ask.timeoutMs);
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      worker.off('message', finish).off('messageerror', fail).off('exit', fail);
      resolve(answer);
    };
    worker.on('message', finish).on('messageerror', fail).on('exit', fail);
    worker.postMessage(ask.question);
  });
}
