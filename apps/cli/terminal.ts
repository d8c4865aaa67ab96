import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

import { showInPager } from './pager.ts';
import { Progress } from './progress.ts';
import { laidOut } from './text/layout.ts';
import { untoned } from './text/tone.ts';

/** What the commands see of the process: tests give another one. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Both ends are a person's terminal, so a prompt is possible. */
  readonly isInteractive: boolean;
  /** True when a person reads standard output, and no program. */
  readonly isScreen: boolean;
  /** Writes a text to standard output, laid out for a person or a program. */
  out(text: string): void;
  /** Writes to standard output exactly what is given: JSON. */
  data(text: string): void;
  /** Writes to standard error: questions, progress, refusals. */
  error(text: string): void;
  /** Shows a long text, page by page where a person reads it. */
  page(text: string): Promise<void>;
  /** Shows a waiting person what takes so long. */
  progress(what: string): void;
  ask(question: string): Promise<string>;
  /** Restores the terminal: nothing more is written. */
  close(): void;
  /** Aborts when the person presses Ctrl-C. */
  readonly interrupted: AbortSignal;
}

export function processTerminal(): Terminal {
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort());
  process.once('SIGTERM', () => interruption.abort());
  // A reader such as `head` may leave early: that is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const progress = isForPeople(process.stderr) ? new Progress(process.stderr) : null;
  const write = (stream: NodeJS.WriteStream, text: string): void => {
    progress?.clear();
    stream.write(`${text}\n`);
  };
  /** Nothing else is written while a person answers or reads. */
  const alone = async <Result>(action: () => Promise<Result>): Promise<Result> => {
    progress?.pause();
    return action().finally(() => progress?.resume());
  };
  const page = async (text: string): Promise<void> => {
    const lines = shown(text, process.stdout);
    const isPaged = isForPeople(process.stdout) && (await alone(() => showInPager(lines, process.env)));
    if (!isPaged) write(process.stdout, lines);
  };
  return {
    environment: process.env,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    isScreen: process.stdout.isTTY,
    out: (text) => write(process.stdout, shown(text, process.stdout)),
    data: (text) => write(process.stdout, text),
    error: (text) => write(process.stderr, shown(text, process.stderr)),
    page,
    progress: (what) => progress?.say(what),
    ask: (question) => alone(() => askOnTerminal(question)),
    close: () => progress?.pause(),
    interrupted: interruption.signal,
  };
}

function isForPeople({ isTTY }: NodeJS.WriteStream): boolean {
  return isTTY && process.env['TERM'] !== 'dumb';
}

/** Output for programs is not wrapped and has no colours, unless FORCE_COLOR is set. */
function shown(text: string, stream: NodeJS.WriteStream): string {
  const lines = laidOut(text, stream.isTTY ? columnsOf(stream) : null);
  return hasColors(stream) ? lines : untoned(lines);
}

const COLUMNS_DEFAULT = 80;

/** COLUMNS may be less than the terminal's width: the terminal itself would wrap more at its edge. */
function columnsOf({ columns }: NodeJS.WriteStream): number {
  const size = columns || COLUMNS_DEFAULT;
  const wanted = Number(process.env['COLUMNS']);
  return Number.isInteger(wanted) && wanted > 0 ? Math.min(wanted, size) : size;
}

/** Node looks at the terminal, NO_COLOR, FORCE_COLOR and TERM. */
function hasColors(stream: NodeJS.WriteStream): boolean {
  return styleText('red', 'x', { stream }) !== 'x';
}

async function askOnTerminal(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(shown(question, process.stderr));
  } finally {
    lines.close();
  }
}
