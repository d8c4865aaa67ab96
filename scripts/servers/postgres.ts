import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { initdbOptions, postgresProgram, unprivileged, type Unprivileged } from './postgres-program.ts';
import { startProcess, waitUntilReady, pause, type RunningProcess } from './process.ts';

/** Where an embedded PostgreSQL keeps its data and how it runs. */
export interface PostgresOptions {
  /** Holds `data/` and the password of the superuser. Made when missing, resumed when there. */
  readonly folder: string;
  readonly port: number;
  readonly logFile: string;
  /** False only in tests: commits then do not reach the disk. */
  readonly isDurable: boolean;
}

/** A real PostgreSQL on loopback. */
export interface PostgresServer {
  readonly running: RunningProcess;
  /** Connection string of the superuser. */
  url(database?: string): string;
  stop(): Promise<void>;
}

const SUPERUSER = 'postgres';
const START_TRIES = 5;

/** Starts PostgreSQL, creating the cluster on first use. Listens on 127.0.0.1 only, by password only. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  fs.mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const user = unprivileged(options.folder);
  const password = await ensureCluster(options, user);
  await endEarlierServer(dataFolder(options));
  const url = (database = 'postgres'): string =>
    `postgres://${SUPERUSER}:${password}@127.0.0.1:${options.port}/${database}`;
  const running = await startServer(options, user, url());
  return { running, url, stop: () => running.stop() };
}

/** Creates a database unless it is there. */
export async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

/** The same server and user, another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** The same server and database, another user. */
export function withUser(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.href;
}

function dataFolder(options: PostgresOptions): string {
  return path.join(options.folder, 'data');
}

async function ensureCluster(options: PostgresOptions, user: Unprivileged): Promise<string> {
  const passwordFile = path.join(options.folder, 'password');
  // A cluster counts as made once its password is in its final place; a half-made one is made again.
  if (fs.existsSync(passwordFile)) return fs.readFileSync(passwordFile, 'utf8').trim();
  fs.rmSync(dataFolder(options), { recursive: true, force: true });
  const password = randomBytes(24).toString('hex');
  const draft = `${passwordFile}.new`;
  fs.writeFileSync(draft, `${password}\n`, { mode: 0o600 });
  user.own(options.folder);
  const running = startProcess({
    name: 'initdb',
    command: [
      ...user.prefix,
      postgresProgram('initdb'),
      ...initdbOptions(SUPERUSER, draft),
      '-D',
      dataFolder(options),
    ],
    logFile: options.logFile,
    ...user.identity,
  });
  const end = await running.exited;
  if (end !== 'exit code 0') {
    throw new Error(`Could not create the PostgreSQL cluster (${end}); see ${options.logFile}. ${user.hint}`);
  }
  fs.renameSync(draft, passwordFile);
  return password;
}

/** After a kill of the main server process its children need a moment to notice; until then a start is refused. */
async function startServer(
  options: PostgresOptions,
  user: Unprivileged,
  url: string,
): Promise<RunningProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const running = startProcess({
      name: 'PostgreSQL',
      command: [...user.prefix, postgresProgram('postgres'), ...serverOptions(options)],
      logFile: options.logFile,
      // Fast shutdown: sessions are ended, what is committed is kept.
      stopSignal: 'SIGINT',
      ...user.identity,
    });
    try {
      await waitUntilReady(running, () => canConnect(url));
      return running;
    } catch (error) {
      await running.stop();
      if (attempt === START_TRIES) throw error;
      await pause(500);
    }
  }
}

function serverOptions(options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    max_connections: '300',
    ...(options.isDurable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', dataFolder(options), ...flags];
}

async function canConnect(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Stops a server that an earlier start left running on this very folder, and forgets one that is long gone. */
async function endEarlierServer(data: string): Promise<void> {
  const lockFile = path.join(data, 'postmaster.pid');
  if (!fs.existsSync(lockFile)) return;
  const [pidLine = ''] = fs.readFileSync(lockFile, 'utf8').split('\n');
  const pid = Number(pidLine);
  if (!isServerOf(pid, data)) {
    // The number may belong to an unrelated program by now, which PostgreSQL could take for a running server.
    fs.rmSync(lockFile, { force: true });
    return;
  }
  process.kill(pid, 'SIGINT');
  while (isServerOf(pid, data)) await pause(50);
}

function isServerOf(pid: number, data: string): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, 0);
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(data);
  } catch {
    return false;
  }
}
