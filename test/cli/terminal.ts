import { run } from '../../apps/cli/program.ts';
import type { Terminal } from '../../apps/cli/terminal.ts';

/** What a command line did. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  /** Questions that were asked. */
  readonly asked: readonly string[];
}

/** How the test's terminal is. */
export interface TerminalOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** What the person answers; nobody is there without it. */
  readonly answer?: string;
  readonly signal?: AbortSignal;
  /** Sees each line of standard error when it is written. */
  readonly onError?: (text: string) => void;
}

/** Runs a command line inside the test, with a terminal that keeps what is written. */
export async function keyturn(
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<CommandResult> {
  const written = { out: '', error: '' };
  const asked: string[] = [];
  const terminal: Terminal = {
    environment: { KEYTURN_TOKEN: 'token-1', ...options.environment },
    isInteractive: options.answer !== undefined,
    interrupted: options.signal ?? new AbortController().signal,
    out: (text) => {
      written.out += `${text}\n`;
    },
    error: (text) => {
      written.error += `${text}\n`;
      options.onError?.(text);
    },
    ask: async (question) => {
      asked.push(question);
      return options.answer ?? '';
    },
  };
  const code = await run(args, terminal);
  return { code, ...written, asked };
}
