import { spawn } from 'node:child_process';

/**
 * Shows a text in the pager of the person (KEYTURN_PAGER, else PAGER, else less). False where there is none: then it is to
 * be written as it is.
 */
export function showInPager(text: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const command = environment['KEYTURN_PAGER'] ?? environment['PAGER'] ?? 'less';
  if (command === '' || command === 'cat') return Promise.resolve(false);
  return new Promise((resolve) => {
    // As for git: less ends by itself where all fits on one screen, and leaves colours and text on it.
    const env = { LESS: 'FRX', ...environment };
    const child = spawn(command, { shell: true, stdio: ['pipe', 'inherit', 'inherit'], env });
    child.on('error', () => resolve(false));
    // The pager may be closed before the end.
    child.stdin.on('error', () => undefined);
    child.on('close', (code) => resolve(code !== NOT_FOUND));
    child.stdin.end(`${text}\n`);
  });
}

/** A shell that finds no such program. */
const NOT_FOUND = 127;
