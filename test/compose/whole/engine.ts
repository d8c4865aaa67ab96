import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import {
  logTail,
  startProcess,
  waitUntilReady,
  type RunningProcess,
} from '../../../scripts/servers/process.ts';
import { goProgram } from '../../stack/go-program.ts';

const run = promisify(execFile);

const COMPOSE = {
  name: 'docker-compose',
  module: 'github.com/docker/compose/v2',
  version: '2.40.3',
  main: 'cmd',
};

/** A container engine of the tests' own: what they name, build and kill is nobody else's. */
export interface Engine {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Runs `docker …` and answers what it printed. */
  docker(args: readonly string[], options?: RunOptions): Promise<string>;
  stop(): Promise<void>;
}

/** Where and with what a command runs. */
export interface RunOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Why there can be no engine here; undefined where there can be one. */
export function reasonAgainstEngine(): string | undefined {
  if (process.getuid?.() !== 0) return 'an engine of its own needs root';
  for (const program of ['dockerd', 'docker', 'debootstrap', 'go']) {
    const { status } = spawnSync('sh', ['-c', `command -v ${program}`]);
    if (status !== 0) return `there is no \`${program}\` on PATH`;
  }
  if (spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0) {
    return 'an engine runs here already, and two of them would take each other’s rules of the network';
  }
  return undefined;
}

/** Starts an engine with data, network and socket of its own, and compose beside it. */
export async function startEngine(say: (line: string) => void): Promise<Engine> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-engine-'));
  const socket = `unix://${folder}/docker.sock`;
  const environment = {
    ...process.env,
    DOCKER_HOST: socket,
    DOCKER_CONFIG: path.join(folder, 'config'),
    // Builders that are separate programs may be missing; the engine has one.
    DOCKER_BUILDKIT: '0',
    COMPOSE_BAKE: 'false',
  };
  await installCompose(path.join(folder, 'config', 'cli-plugins'), environment, say);
  const running = startProcess({
    name: 'the container engine',
    command: [
      'dockerd',
      `--data-root=${folder}/data`,
      `--exec-root=${folder}/exec`,
      `--pidfile=${folder}/pid`,
      `--host=${socket}`,
    ],
    logFile: path.join(folder, 'dockerd.log'),
    stopWithinMs: 60_000,
  });
  const docker = async (args: readonly string[], options: RunOptions = {}): Promise<string> => {
    const { stdout } = await run('docker', args, {
      env: { ...environment, ...options.environment },
      maxBuffer: 64 << 20,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return stdout;
  };
  await waitUntilReady(running, async () => (await docker(['info'])) !== '', 60_000);
  return { folder, environment, docker, stop: () => stop(running, folder) };
}

async function installCompose(
  folder: string,
  environment: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  const installed = spawnSync('docker', ['compose', 'version'], {
    env: { ...environment, DOCKER_CONFIG: undefined },
  });
  if (installed.status === 0) return;
  fs.copyFileSync(await goProgram(COMPOSE, say), path.join(folder, 'docker-compose'));
  fs.chmodSync(path.join(folder, 'docker-compose'), 0o755);
}

async function stop(running: RunningProcess, folder: string): Promise<void> {
  await running.stop();
  if (running.isRunning()) throw new Error(logTail(running.logFile));
  fs.rmSync(folder, { recursive: true, force: true });
}
