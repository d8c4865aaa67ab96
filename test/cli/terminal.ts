import { run } from '../../apps/cli/program.ts';
import type { Terminal } from '../../apps/cli/terminal.ts';
import { laidOut } from '../../apps/cli/text/layout.ts';
import { untoned } from '../../apps/cli/text/tone.ts';

/** What a command line did. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  /** Questions that were asked. */
  readonly prompts: readonly string[];
}

/** How the test's terminal is. */
export interface TerminalOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** What the person answers; nobody is there without it. */
  readonly answer?: string;
  /** The same where several are asked for, one after the other. */
  readonly answers?: readonly string[];
  readonly signal?: AbortSignal;
  /** Sees each line of standard error when it is written. */
  readonly onError?: (text: string) => void;
  /** How wide it is; a pipe without it. */
  readonly columns?: number;
  /** Colours are left in what is kept. */
  readonly hasColors?: boolean;
}

/** Runs a command line inside the test, with a terminal that keeps what is written. */
export async function keyturn(
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<CommandResult> {
  const written = { out: '', error: '' };
  const prompts: string[] = [];
  const answers = options.answers ?? (options.answer === undefined ? [] : [options.answer]);
  const shown = (text: string): string => {
    const lines = laidOut(text, options.columns ?? null);
    return options.hasColors === true ? lines : untoned(lines);
  };
  const terminal: Terminal = {
    environment: { KEYTURN_TOKEN: 'token-1', ...options.environment },
    isInteractive: answers.length > 0,
    isScreen: options.columns !== undefined,
    interrupted: options.signal ?? new AbortController().signal,
    out: (text) => {
      written.out += `${shown(text)}\n`;
    },
    data: (text) => {
      written.out += `${text}\n`;
    },
    error: (text) => {
      written.error += `${shown(text)}\n`;
      options.onError?.(text);
    },
    page: async (text) => {
      written.out += `${shown(text)}\n`;
    },
    progress: () => undefined,
    close: () => undefined,
    ask: async (question) => {
      prompts.push(shown(question));
      return answers[prompts.length - 1] ?? answers.at(-1) ?? '';
    },
  };
  const code = await run(args, terminal);
  return { code, ...written, prompts };
}

/** Lines as a screen of that width shows them, or a pipe, without colours. */
export function onScreen(lines: readonly string[], columns: number | null = null): string[] {
  return untoned(laidOut(lines.join('\n'), columns)).split('\n');
}
