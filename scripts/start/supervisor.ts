import { logTail, type RunningProcess } from '../servers/process.ts';
import { say } from './progress.ts';

/** Everything this start has started, and how it ends. */
export interface Supervisor {
  /** Takes a program under watch. */
  add(running: RunningProcess): void;
  /** Rejects when a program ends that nobody asked to end. */
  readonly failed: Promise<never>;
  /** Stops all, the last started first. */
  stop(): Promise<void>;
  /** For the impatient. */
  kill(): void;
}

/** An empty supervisor. */
export function supervise(): Supervisor {
  const programs: RunningProcess[] = [];
  let isStopping = false;
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  // It is awaited elsewhere; the rejection alone must not end the process.
  failed.catch(() => {});
  const report = (running: RunningProcess, how: string): void => {
    if (!isStopping) fail(new Error(`${running.name} ended (${how}). ${logTail(running.logFile)}`));
  };
  return {
    failed,
    add: (running) => {
      programs.push(running);
      if (isStopping) void running.stop();
      void running.exited.then((how) => report(running, how));
    },
    stop: async () => {
      isStopping = true;
      if (programs.length === 0) return;
      say();
      for (const running of programs.toReversed()) {
        if (!running.isRunning()) continue;
        say(`  stopping ${running.name}`);
        await running.stop();
      }
      say('Stopped. The next start goes on from here.');
    },
    kill: () => {
      isStopping = true;
      for (const running of programs) void running.kill9();
    },
  };
}
