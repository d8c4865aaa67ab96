import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import { freePort } from '../../scripts/servers/ports.ts';
import { startProcess, waitUntilReady, type RunningProcess } from '../../scripts/servers/process.ts';
import { prepareNamespace } from '../../scripts/servers/temporal.ts';
import { testPostgresUrl } from './databases.ts';
import type { FullTemporalPrograms } from './full-temporal-program.ts';
import { testFolder, type TemporalService } from './temporal.ts';

const run = promisify(execFile);

const NAMESPACE = 'keyturn';
/** As in the Temporal project's own compose file. Can never be changed for a database. */
const HISTORY_SHARDS = 4;
const SERVICES = ['frontend', 'history', 'matching', 'worker'] as const;

interface Ports {
  readonly rpc: number;
  readonly membership: number;
}

type ServicePorts = Readonly<Record<(typeof SERVICES)[number], Ports>>;

interface FullTemporal {
  readonly programs: FullTemporalPrograms;
  readonly folder: string;
  readonly ports: ServicePorts;
  /** Names of its two databases on the PostgreSQL of the tests. */
  readonly store: string;
  readonly visibility: string;
}

/**
 * The full server, for one stack alone: all four services, on PostgreSQL, listening on loopback only. Its namespace is
 * new and was prepared by Keyturn's own code.
 */
export async function fullTemporal(programs: FullTemporalPrograms, name: string): Promise<TemporalService> {
  const folder = path.join(testFolder(), name, 'temporal');
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const full = {
    programs,
    folder,
    ports: await choosePorts(),
    store: `${name}_temporal`,
    visibility: `${name}_temporal_visibility`,
  };
  await Promise.all([
    makeSchema(full, full.store, 'postgresql/v12/temporal'),
    makeSchema(full, full.visibility, 'postgresql/v12/visibility'),
  ]);
  fs.writeFileSync(path.join(folder, 'server.yaml'), stringify(configurationOf(full)), { mode: 0o600 });
  let running = await start(full);
  const address = addressOf(full);
  try {
    await prepareNamespace(address, NAMESPACE);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return {
    address,
    namespace: NAMESPACE,
    uiUrl: null,
    server: {
      pid: () => running.pid,
      start: async () => {
        running = await start(full);
      },
      stop: () => running.stop(),
      kill9: () => running.kill9(),
    },
  };
}

/** All different, and below 32768: PostgreSQL's schema keeps the RPC ports in a `smallint`. */
async function choosePorts(): Promise<ServicePorts> {
  const chosen = new Set<number>();
  while (chosen.size < SERVICES.length * 2) chosen.add(await freePort());
  const ports = [...chosen];
  const pairs = SERVICES.map((service, index) => [
    service,
    { rpc: ports[index * 2], membership: ports[index * 2 + 1] },
  ]);
  return Object.fromEntries(pairs) as ServicePorts;
}

async function makeSchema({ programs }: FullTemporal, database: string, schema: string): Promise<void> {
  const { hostname, port, username, password } = new URL(testPostgresUrl());
  const env = {
    SQL_PLUGIN: 'postgres12',
    SQL_HOST: hostname,
    SQL_PORT: port,
    SQL_USER: username,
    SQL_PASSWORD: password,
    SQL_DATABASE: database,
  };
  const steps = [['create'], ['setup-schema', '-v', '0.0'], ['update-schema', '--schema-name', schema]];
  for (const step of steps) await run(programs.sql, step, { env });
}

async function start(full: FullTemporal): Promise<RunningProcess> {
  const running = startProcess({
    name: 'the full Temporal server',
    command: [
      full.programs.server,
      '--config-file',
      path.join(full.folder, 'server.yaml'),
      '--allow-no-auth',
      'start',
    ],
    logFile: path.join(full.folder, 'server.log'),
    cwd: full.folder,
    // Its configuration file says everything; the variables of the user who runs the tests are not for it.
    env: { PATH: process.env['PATH'] },
  });
  try {
    await waitUntilReady(running, () => isAnswering(addressOf(full)), 120_000);
    return running;
  } catch (error) {
    await running.stop();
    throw error;
  }
}

async function isAnswering(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  try {
    // Asks the database and not only the frontend itself.
    await connection.workflowService.describeNamespace({ namespace: 'temporal-system' });
    return true;
  } finally {
    await connection.close();
  }
}

function addressOf({ ports }: FullTemporal): string {
  return `127.0.0.1:${ports.frontend.rpc}`;
}

function configurationOf(full: FullTemporal): object {
  const dynamic = path.join(full.folder, 'dynamic.yaml');
  // PostgreSQL's columns for ids are this wide.
  fs.writeFileSync(dynamic, stringify({ 'limit.maxIDLength': [{ value: 255 }] }));
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'store',
      visibilityStore: 'visibility',
      numHistoryShards: HISTORY_SHARDS,
      datastores: { store: datastore(full.store, 10), visibility: datastore(full.visibility, 5) },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: servicesOf(full.ports),
    clusterMetadata: clusterOf(addressOf(full)),
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: dynamic, pollInterval: '60s' },
  };
}

function datastore(database: string, maxConns: number): object {
  const { host, username, password } = new URL(testPostgresUrl());
  return {
    sql: {
      pluginName: 'postgres12_pgx',
      databaseName: database,
      connectAddr: host,
      connectProtocol: 'tcp',
      user: username,
      password,
      // For each of the four services; the tests' PostgreSQL has 300.
      maxConns,
      maxIdleConns: maxConns,
      maxConnLifetime: '1h',
    },
  };
}

function servicesOf(ports: ServicePorts): object {
  const services = Object.entries(ports).map(([service, { rpc, membership }]) => [
    service,
    { rpc: { grpcPort: rpc, membershipPort: membership, bindOnIP: '127.0.0.1' } },
  ]);
  return Object.fromEntries(services) as object;
}

function clusterOf(rpcAddress: string): object {
  return {
    enableGlobalNamespace: false,
    failoverVersionIncrement: 10,
    masterClusterName: 'active',
    currentClusterName: 'active',
    clusterInformation: {
      active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress },
    },
  };
}
