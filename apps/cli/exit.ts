import type { RequestStatus } from '../../domain/request/status.ts';

/** What each exit code says: the same for every command. */
export const EXIT_CODES = {
  0: 'done',
  1: 'refused or failed; of a request: denied, withdrawn or failed',
  2: 'wrong usage',
  3: 'nothing is wrong, but not everything can be shown',
  4: 'the request expired without enough approvals',
  5: 'it is unknown whether the action was executed (indeterminate)',
  6: 'the time was up and the request was still open',
} as const;

/** How a command ends, for scripts. */
export type ExitCode = keyof typeof EXIT_CODES;

/** Ends the command with an exit code. The message may be empty when all is said. */
export class CommandExit extends Error {
  readonly exitCode: ExitCode;
  /** A stable code of the refusal, for `--json`. */
  readonly code: string;

  constructor(exitCode: ExitCode, code: string, message: string) {
    super(message);
    this.name = 'CommandExit';
    this.exitCode = exitCode;
    this.code = code;
  }
}

export function usageError(message: string): CommandExit {
  return new CommandExit(2, 'usage', message);
}

/** The command ran and the answer is no. */
export function failure(code: string, message: string): CommandExit {
  return new CommandExit(1, code, message);
}

/** The command ran, the answer is no, and the output already says why. */
export function silentFailure(exitCode: ExitCode = 1): CommandExit {
  return new CommandExit(exitCode, 'failed', '');
}

const ENDED: Readonly<Partial<Record<RequestStatus, ExitCode>>> = {
  denied: 1,
  cancelled: 1,
  failed: 1,
  expired: 4,
  indeterminate: 5,
};

/** Ends the command where the request that it shows came to nothing. */
export function refuseEnded(status: RequestStatus): void {
  const code = ENDED[status];
  if (code !== undefined) throw silentFailure(code);
}

/** The time was up before the request was. What a program reads says so by its status. */
export function stillOpen(status: RequestStatus, isJson: boolean): CommandExit {
  return isJson
    ? silentFailure(6)
    : new CommandExit(6, 'timed_out', `The time is up: the request is still ${status}.`);
}

/** The exit codes of a command, by its whole name, and what they say. `--fail-on` has its code from those that it is an option of. */
export function exitsOf(command: string, hasFailOn: boolean): Readonly<Record<number, string>> {
  const codes = CODES[command] ?? [0, 1, 2];
  const found = (code: ExitCode): string =>
    hasFailOn && code === 2 ? ', or found what --fail-on names' : '';
  return Object.fromEntries(codes.map((code) => [code, `${EXIT_CODES[code]}${found(code)}`]));
}

/** Codes of commands that have more than the usual ones. */
const CODES: Readonly<Record<string, readonly ExitCode[]>> = {
  'keyturn verify': [0, 1, 2, 3],
  'keyturn request': [0, 1, 2, 4, 5, 6],
  'keyturn watch': [0, 1, 2, 4, 5, 6],
};
