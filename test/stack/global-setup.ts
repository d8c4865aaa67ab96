import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../../scripts/servers/ports.ts';
import { startPostgres, type PostgresServer } from '../../scripts/servers/postgres.ts';
import { findTemporal } from '../../scripts/servers/temporal-program.ts';
import { startTemporal, type TemporalServer } from '../../scripts/servers/temporal.ts';

/** Made with the server, where that costs least; each stack takes one of its own. The server works for each of them. */
const NAMESPACES = Array.from({ length: 80 }, (_, index) => `stack-${index}`);

let servers: Servers | undefined;
let users = 0;

interface Servers {
  readonly folder: string;
  readonly postgres: PostgresServer;
  readonly temporal: TemporalServer | null;
}

/** Starts one PostgreSQL and one Temporal server for all tests. Projects of one run share them. */
export async function setup(): Promise<() => Promise<void>> {
  users += 1;
  servers ??= await startServers();
  return async () => {
    users -= 1;
    if (users === 0) await stopServers();
  };
}

async function startServers(): Promise<Servers> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-test-'));
  // Where PostgreSQL runs as another user, that user must get to its own folder below this one.
  fs.chmodSync(folder, 0o711);
  const [postgres, temporal] = await Promise.all([startTestPostgres(folder), startTestTemporal(folder)]);
  process.env['KEYTURN_TEST_FOLDER'] = folder;
  // The same few programs are started some hundred times.
  process.env['NODE_COMPILE_CACHE'] = path.join(folder, 'compiled');
  process.env['KEYTURN_TEST_POSTGRES_URL'] = postgres.url();
  return { folder, postgres, temporal };
}

async function startTestPostgres(folder: string): Promise<PostgresServer> {
  return startPostgres({
    folder: path.join(folder, 'postgres'),
    port: await freePort(),
    logFile: path.join(folder, 'logs', 'postgres.log'),
    // Measurements count the flushes of commits; tests do without them.
    isDurable: process.env['KEYTURN_TEST_DURABLE'] === 'true',
  });
}

async function startTestTemporal(folder: string): Promise<TemporalServer | null> {
  const source = await findTemporal((line) => process.stdout.write(`Temporal server: ${line}\n`));
  if (source.kind === 'address') return null;
  process.env['KEYTURN_TEST_TEMPORAL_PROGRAM'] = source.file;
  const uiPort = await freePort();
  const server = await startTemporal({
    program: source.file,
    port: await freePort(),
    uiPort,
    logFile: path.join(folder, 'logs', 'temporal.log'),
    databaseFile: null,
    namespaces: NAMESPACES,
  });
  process.env['TEMPORAL_ADDRESS'] = server.address;
  process.env['KEYTURN_TEST_TEMPORAL_UI_URL'] = `http://127.0.0.1:${uiPort}`;
  process.env['KEYTURN_TEST_NAMESPACES'] = String(NAMESPACES.length);
  return server;
}

async function stopServers(): Promise<void> {
  if (!servers) return;
  await Promise.all([servers.postgres.stop(), servers.temporal?.running.stop()]);
  if (!process.env['KEYTURN_TEST_KEEP']) fs.rmSync(servers.folder, { recursive: true, force: true });
  servers = undefined;
}
