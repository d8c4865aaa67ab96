type ExitCode = 1 | 2 | 3;

/**
 * Ends the command with an exit code: 1 refused or failed, 2 used wrongly, or found what `--fail-on` names, 3 nothing is
 * wrong, but not everything could be shown. The message may be empty when all is said.
 */
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

/** The command was used wrongly. */
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
