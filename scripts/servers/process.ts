import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { forget, guard } from './guardian.ts';

export { pause };

/** How to run a long-lived program. */
export interface ProcessOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Another numeric user, where the program refuses to run as root. */
  readonly uid?: number;
  readonly stopSignal?: 'SIGTERM' | 'SIGINT';
  readonly stopWithinMs?: number;
}

/** A program that this process started and will stop. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the program is gone, with words such as `exit code 1`. */
  readonly exited: Promise<string>;
  isRunning(): boolean;
  stop(): Promise<void>;
  kill9(): Promise<void>;
}

/**
 * Starts a program in its own process group, so that Ctrl-C in a terminal reaches only the one who stops everything
 * in the right order, and under a guardian, so that nothing outlives a killed parent.
 */
export function startProcess(options: ProcessOptions): RunningProcess {
  const [program = '', ...args] = options.command;
  fs.mkdirSync(path.dirname(options.logFile), { recursive: true });
  const log = fs.openSync(options.logFile, 'a');
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  fs.closeSync(log);
  return handleOf(child, options);
}

function handleOf(child: ChildProcess, options: ProcessOptions): RunningProcess {
  const stopSignal = options.stopSignal ?? 'SIGTERM';
  const pid = child.pid ?? 0;
  let isRunning = pid !== 0;
  if (isRunning) guard(pid, stopSignal);
  const exited = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      isRunning = false;
      forget(pid);
      resolve(how);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const send = async (signal: NodeJS.Signals): Promise<void> => {
    if (isRunning) child.kill(signal);
    await exited;
  };
  return {
    name: options.name,
    pid,
    logFile: options.logFile,
    exited,
    isRunning: () => isRunning,
    kill9: () => send('SIGKILL'),
    stop: async () => {
      const killer = setTimeout(() => void send('SIGKILL'), options.stopWithinMs ?? 30_000);
      await send(stopSignal);
      clearTimeout(killer);
    },
  };
}

/**
 * Asks `check` until it answers true. A program that ends meanwhile, or the time running out, is an error that shows
 * the end of its log.
 */
export async function waitUntilReady(
  running: RunningProcess,
  check: () => Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (Date.now() < deadlineMs) {
    if (!running.isRunning()) {
      throw new Error(`${running.name} stopped (${await running.exited}). ${logTail(running.logFile)}`);
    }
    if (await check().catch(() => false)) return;
    await pause(25);
  }
  throw new Error(
    `${running.name} was not ready after ${Math.round(withinMs / 1000)} s. ${logTail(running.logFile)}`,
  );
}

/** The last lines of a log, introduced by its place. */
export function logTail(file: string, lines = 15): string {
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  return `Its log is ${file}:\n${text.trimEnd().split('\n').slice(-lines).join('\n')}`;
}
