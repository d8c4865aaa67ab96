import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, type Say } from '../../scripts/servers/temporal-program.ts';
import { buildEnvironment } from './go-program.ts';

const run = promisify(execFile);

/** The programs of the full Temporal server: the four services in one, and the tool that makes its schema. */
export interface FullTemporalPrograms {
  readonly server: string;
  readonly sql: string;
}

const MODULE = 'go.temporal.io/server';
/** The server that docker-compose.yml runs. */
export const FULL_TEMPORAL_VERSION = '1.32.2';
/** From this version on Go fetches by itself the newer one that the module asks for. */
const GO_MINOR_MIN = 21;
/** Minutes on two cores of their own; far more where others use them, too. */
const BUILD_LIMIT_MS = 3_600_000;

/**
 * The programs, built on first use, for a test file that is skipped without them. That happens only where there is no
 * Go, and never silently; with KEYTURN_TEST_FULL_SERVER=required it is an error.
 */
export async function fullTemporalOrSkip(env = process.env): Promise<FullTemporalPrograms | undefined> {
  const found = await findFullTemporal(sayToUser, env);
  if (typeof found !== 'string') return found;
  if (env['KEYTURN_TEST_FULL_SERVER'] === 'required') {
    throw new Error(`KEYTURN_TEST_FULL_SERVER=required, and ${found}`);
  }
  sayToUser(
    `\n!!! SKIPPED, not tested: ${found}\n!!! KEYTURN_TEST_FULL_SERVER=required makes this an error.\n`,
  );
  return undefined;
}

/** The programs from the cache, or built with Go into it. Answers in words why there are none where there is no Go. */
export async function findFullTemporal(say: Say, env = process.env): Promise<FullTemporalPrograms | string> {
  const folder = path.join(cacheFolder(), `temporal-server-${FULL_TEMPORAL_VERSION}`);
  if (await isComplete(folder)) return programsIn(folder);
  const go = await goVersion(env);
  if (!isNewEnough(go)) {
    return `the full Temporal server needs Go 1.${GO_MINOR_MIN} or newer to be built (here: ${go ?? 'none'}).`;
  }
  say(`Temporal server ${FULL_TEMPORAL_VERSION}: building it with Go ${go}, once; this takes minutes.`);
  await build(folder, env);
  say(`Temporal server ${FULL_TEMPORAL_VERSION}: built into ${folder}.`);
  return programsIn(folder);
}

function sayToUser(line: string): void {
  process.stderr.write(`${line}\n`);
}

function programsIn(folder: string): FullTemporalPrograms {
  return { server: path.join(folder, 'server'), sql: path.join(folder, 'sql') };
}

/** Through the module proxy and checksums that this machine's Go is set to use. */
async function build(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const draft = fs.mkdtempSync(`${folder}-`);
  const options = {
    env: { ...buildEnvironment(env), GOBIN: draft },
    timeout: BUILD_LIMIT_MS,
    maxBuffer: 64 << 20,
  };
  try {
    for (const command of ['cmd/server', 'cmd/tools/sql']) {
      await run('go', ['install', `${MODULE}/${command}@v${FULL_TEMPORAL_VERSION}`], options);
    }
    if (!(await isComplete(draft)))
      throw new Error(`What Go built does not say that it is ${FULL_TEMPORAL_VERSION}.`);
    await moveTo(folder, draft);
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

/** In one step, so that nobody sees half of it. A build that ended earlier is as good. */
async function moveTo(folder: string, draft: string): Promise<void> {
  if (await isComplete(folder)) return;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(draft, folder);
}

async function isComplete(folder: string): Promise<boolean> {
  const { server, sql } = programsIn(folder);
  return (await saysVersion(server)) && (await saysVersion(sql));
}

async function saysVersion(program: string): Promise<boolean> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: 60_000 });
    return stdout.trim().split(/\s+/).includes(FULL_TEMPORAL_VERSION);
  } catch {
    return false;
  }
}

async function goVersion(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const { stdout } = await run('go', ['env', 'GOVERSION'], { env, timeout: 60_000 });
    return stdout.trim().replace(/^go/, '');
  } catch {
    return undefined;
  }
}

function isNewEnough(version = ''): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= GO_MINOR_MIN);
}
