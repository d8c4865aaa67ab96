import { freePort } from '../../scripts/servers/ports.ts';
import { startProcess, waitUntilReady, type RunningProcess } from '../../scripts/servers/process.ts';

/** An API or a worker of a stack: one place in the world that can be stopped, killed and started again. */
export interface Program {
  readonly name: string;
  /** Stays the same over restarts. */
  readonly url: string;
  /** Where it serves its measurements. */
  readonly metricsUrl: string;
  readonly logFile: string;
  pid(): number;
  isRunning(): boolean;
  /** Starts it and waits until it is ready. `env` is added to what it always gets. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Asks it to end and waits until it has. Answers how it ended, such as `exit code 0`. */
  stop(): Promise<string>;
  kill9(): Promise<void>;
}

/** What a program is started with. */
export interface ProgramOptions {
  readonly name: string;
  readonly script: string;
  readonly logFile: string;
  /** Given the port that the program shall listen on, and one for its measurements if it wants another. */
  env(ports: ProgramPorts): Readonly<Record<string, string>>;
  readonly hasOwnMetricsPort: boolean;
}

/** Where a program listens. */
export interface ProgramPorts {
  readonly port: number;
  readonly metricsPort: number;
}

/** Reserves a port for a program; nothing runs yet. */
export async function defineProgram(options: ProgramOptions): Promise<Program> {
  const port = await freePort();
  const metricsPort = options.hasOwnMetricsPort ? await freePort() : port;
  const url = `http://127.0.0.1:${port}`;
  let running: RunningProcess | undefined;
  const current = (): RunningProcess => {
    if (!running) throw new Error(`${options.name} was never started.`);
    return running;
  };
  return {
    name: options.name,
    url,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    logFile: options.logFile,
    pid: () => current().pid,
    isRunning: () => running?.isRunning() ?? false,
    start: async (env = {}) => {
      if (running?.isRunning()) throw new Error(`${options.name} is already running.`);
      running = startProcess({
        name: options.name,
        command: [process.execPath, options.script],
        logFile: options.logFile,
        env: { ...inheritedEnvironment(), ...SOURCE_MAPS, ...options.env({ port, metricsPort }), ...env },
      });
      await waitUntilReady(running, () => isReady(url), 60_000);
    },
    stop: async () => {
      await running?.stop();
      return running ? running.exited : 'never started';
    },
    kill9: async () => running?.kill9(),
  };
}

/** Errors in logs name the lines that were written. What is measured does without, as the image does. */
const SOURCE_MAPS = { NODE_OPTIONS: '--enable-source-maps' };

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

/** Settings of the user who runs the tests must not reach what is tested. */
function inheritedEnvironment(): Record<string, string | undefined> {
  const names = Object.keys(process.env).filter((name) => !/^(KEYTURN|TEMPORAL|VITEST|NODE_ENV)/.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
