import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

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

/**
 * Parses with PostgreSQL's own grammar in a thread of its own. Measured: a hostile chain of 5,000 operators or
 * sub-selects overflows the stack inside the WebAssembly module, and repeated overflows hang it. A thread can be
 * stopped and thrown away; the process cannot.
 */
export class SqlParser {
  readonly #timeoutMs: number;
  #worker: Worker | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The statements of a text, by PostgreSQL's own grammar. */
  async parse(text: string): Promise<ParseOutcome> {
    const answer = await this.#ask({ text, isScan: false });
    if (answer.kind !== 'scanned') return answer;
    return { kind: 'unreadable', reason: 'it was not parsed' };
  }

  /** The tokens of a text that parses, or null. */
  async scan(text: string): Promise<readonly ScannedToken[] | null> {
    const answer = await this.#ask({ text, isScan: true });
    return answer.kind === 'scanned' ? answer.tokens : null;
  }

  #ask(question: Question): Promise<Usable> {
    const answer = this.#queue.then(() => this.#askNext(question));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  async #askNext(question: Question): Promise<Usable> {
    this.#worker ??= startWorker();
    const worker = this.#worker;
    const answer = await answerOf(worker, { question, timeoutMs: this.#timeoutMs });
    if (answer.kind === 'broken') {
      this.#worker = null;
      await worker.terminate();
      return { kind: 'unreadable', reason: 'the statement is nested too deeply to be read' };
    }
    return answer;
  }
}

interface Question {
  readonly text: string;
  readonly isScan: boolean;
}

type Usable = ParseOutcome | { readonly kind: 'scanned'; readonly tokens: readonly ScannedToken[] };

type Answer = Usable | { readonly kind: 'broken' };

const WORKER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const parser = require(workerData);
const ready = parser.loadModule();
parentPort.on('message', async ({ text, isScan }) => {
  await ready;
  try {
    if (isScan) parentPort.postMessage({ kind: 'scanned', tokens: parser.scanSync(text).tokens });
    else parentPort.postMessage({ kind: 'parsed', statements: parser.parseSync(text).stmts ?? [] });
  } catch (error) {
    const isSyntax = error instanceof parser.SqlError && !/memory exhausted|stack depth/.test(error.message);
    parentPort.postMessage(isSyntax ? { kind: 'unreadable', reason: error.message } : { kind: 'broken' });
  }
});`;

function startWorker(): Worker {
  const library = createRequire(import.meta.url).resolve('libpg-query');
  const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: library });
  // Its end is noticed by the question that waits for it.
  worker.on('error', () => undefined);
  worker.unref();
  return worker;
}

function answerOf(worker: Worker, ask: { question: Question; timeoutMs: number }): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (): void => finish({ kind: 'broken' });
    const timer = setTimeout(fail, ask.timeoutMs);
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      worker.off('message', finish).off('messageerror', fail).off('exit', fail);
      resolve(answer);
    };
    worker.on('message', finish).on('messageerror', fail).on('exit', fail);
    worker.postMessage(ask.question);
  });
}
