import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder } from '../../scripts/servers/temporal-program.ts';

const run = promisify(execFile);

/** Minutes on two cores of their own; far more where others use them, too. */
const BUILD_LIMIT_MS = 3_600_000;

/** A program that is built from its Go module. */
export interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** The folder of its `main` in the module. */
  readonly main: string;
}

/** The program in the cache; built there on first use, in the module's own folder, by the checksums that it comes with. */
export async function goProgram(program: GoProgram, say: (line: string) => void): Promise<string> {
  const file = path.join(cacheFolder(), 'go', `${program.name}-${program.version}`);
  if (fs.existsSync(file)) return file;
  say(`${program.name} ${program.version}: building it with Go, once; this takes minutes.`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  const build = ['build', '-trimpath', '-ldflags=-s -w', '-buildvcs=false', '-mod=readonly'];
  await run('go', [...build, '-o', draft, `./${program.main}`], {
    cwd: await moduleFolder(program),
    env: buildEnvironment(process.env),
    timeout: BUILD_LIMIT_MS,
    maxBuffer: 64 << 20,
  });
  fs.renameSync(draft, file);
  return file;
}

/** Where Go keeps the sources of a module: fetched through the proxy and checksums that this machine's Go is set to use. */
export async function moduleFolder({
  module,
  version,
}: Pick<GoProgram, 'module' | 'version'>): Promise<string> {
  const { stdout } = await run('go', ['mod', 'download', '-json', `${module}@v${version}`], {
    env: buildEnvironment(process.env),
    timeout: BUILD_LIMIT_MS,
  });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

/** Static programs, by the version of Go that the module asks for. */
export function buildEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' };
}
