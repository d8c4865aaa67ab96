import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder } from '../../../scripts/servers/temporal-program.ts';

const run = promisify(execFile);
const INSTALL_LIMIT_MS = 900_000;

/** Where nobody reads what was skipped, every tool is there or the run fails. */
const isMandatory = process.env['CI'] === 'true';

/** A tool of somebody else, in an exact version, and how it gets into a folder of its own. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly install: (folder: string) => Promise<void>;
}

/** The folder of a tool, from the cache or installed into it; null, with a loud message, where it cannot be had. */
export async function toolOrSkip({ name, version, install }: Tool): Promise<string | null> {
  const folder = path.join(cacheFolder(), `${name}-${version}`);
  const done = path.join(folder, '.complete');
  if (fs.existsSync(done)) return folder;
  try {
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    await install(folder);
    fs.writeFileSync(done, '');
    return folder;
  } catch (error) {
    const why = `${name} ${version} cannot be had: ${(error as Error).message.slice(0, 2_000)}`;
    if (isMandatory) throw new Error(why, { cause: error });
    process.stderr.write(`\n!!! SKIPPED, not tested: ${why}\n!!! CI=true makes this an error.\n`);
    return null;
  }
}

/** Runs a program to its end. Throws with what it said where it fails. */
export async function execute(
  command: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<string> {
  const [program = '', ...args] = command;
  const env = { ...process.env, ...options.env };
  try {
    const { stdout } = await run(program, args, {
      cwd: options.cwd,
      env,
      timeout: INSTALL_LIMIT_MS,
      maxBuffer: 64 << 20,
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error([message, stdout, stderr].join('\n'), { cause: error });
  }
}

const PYTHON_PACKAGES = ['openapi-python-client==0.29.1', 'openapi-spec-validator==0.9.0'];

/** The generator for Python with its interpreter, and a validator. */
export const PYTHON: Tool = {
  name: 'openapi-python-client',
  version: '0.29.1',
  install: async (folder) => {
    await execute(['python3', '-m', 'venv', folder], { cwd: folder });
    await execute([path.join(folder, 'bin', 'pip'), 'install', '--quiet', ...PYTHON_PACKAGES], {
      cwd: folder,
    });
  },
};

const NPM_PACKAGES = [
  'openapi-typescript@7.13.0',
  'openapi-fetch@0.17.0',
  'typescript@5.9.3',
  '@seriousme/openapi-schema-validator@2.11.0',
];

/** The generator for TypeScript with its compiler, and a validator. */
export const TYPESCRIPT: Tool = {
  name: 'openapi-typescript',
  version: '7.13.0',
  install: async (folder) => {
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    await execute(['npm', 'install', '--ignore-scripts', '--save-exact', '--no-audit', ...NPM_PACKAGES], {
      cwd: folder,
    });
  },
};

/** The generator for Go. */
export const GO: Tool = {
  name: 'oapi-codegen',
  version: '2.8.2',
  install: async (folder) => {
    const module = 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2';
    await execute(['go', 'install', module], { cwd: folder, env: { GOBIN: folder, ...GO_PATH } });
  },
};

/** Go may be installed where its own documentation puts it, and not be on the path. */
export const GO_PATH = { PATH: `${process.env['PATH'] ?? ''}:/usr/local/go/bin` };

/** What the code that it generates needs. */
export const GO_RUNTIME = 'github.com/oapi-codegen/runtime@v1.9.0';
