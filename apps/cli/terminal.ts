import { createInterface } from 'node:readline/promises';

import { wrapped } from './text/wrap.ts';

/** What the commands see of the process: tests give another one. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Both ends are a person's terminal: a question can be asked. */
  readonly isInteractive: boolean;
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error: questions, progress, refusals. */
  error(text: string): void;
  /** The answer to a question. */
  ask(question: string): Promise<string>;
  /** Aborts when the person presses Ctrl-C. */
  readonly interrupted: AbortSignal;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort());
  process.once('SIGTERM', () => interruption.abort());
  // A reader such as `head` may leave early: that is no fault of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return {
    environment: process.env,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    out: (text) => process.stdout.write(`${fitted(text, process.stdout)}\n`),
    error: (text) => process.stderr.write(`${fitted(text, process.stderr)}\n`),
    ask: askOnTerminal,
    interrupted: interruption.signal,
  };
}

/** What a program reads is left as it is. */
function fitted(text: string, { isTTY, columns }: NodeJS.WriteStream): string {
  return isTTY && columns > 0 ? wrapped(text, columns) : text;
}

async function askOnTerminal(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(fitted(question, process.stderr));
  } finally {
    lines.close();
  }
}
