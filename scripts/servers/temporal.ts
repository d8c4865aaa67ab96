import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { msToTs } from '@temporalio/common/lib/time.js';
import { pause, startProcess, waitUntilReady, type RunningProcess } from './process.ts';

/** How to run a Temporal development server. */
export interface TemporalOptions {
  readonly program: string;
  readonly port: number;
  readonly logFile: string;
  /** Null: no web UI. */
  readonly uiPort: number | null;
  /** Null: in memory, gone when it stops. */
  readonly databaseFile: string | null;
  readonly namespaces: readonly string[];
  /** Settings of the server that differ from its defaults, by key. */
  readonly dynamicConfig?: Readonly<Record<string, number>>;
}

/** A real Temporal server on loopback. */
export interface TemporalServer {
  readonly running: RunningProcess;
  readonly address: string;
}

/** What Keyturn's workflows are found by in Temporal. No personal data. */
export const SEARCH_ATTRIBUTES = {
  KeyturnStatus: 'Keyword',
  KeyturnAction: 'Keyword',
  KeyturnEnvironment: 'Keyword',
  KeyturnRisk: 'Keyword',
  KeyturnExpiresAt: 'Datetime',
} as const;

/** Numbers of the types in Temporal's API (`IndexedValueType`). */
const INDEXED_TYPE = { Keyword: 2, Datetime: 6 } as const;

/** How long a server of somebody else keeps finished workflows in a namespace that we make. */
const RETENTION_MS = 7 * 24 * 3_600_000;

/** Starts a server and waits until each namespace answers. A database file is resumed. */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const running = startProcess({
    name: 'the Temporal server',
    command: [options.program, 'server', 'start-dev', ...(await flags(options))],
    logFile: options.logFile,
    cwd: path.dirname(options.logFile),
  });
  const address = `127.0.0.1:${options.port}`;
  try {
    await waitUntilReady(running, () => isServing(address, options.namespaces), 60_000);
    return { running, address };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** Gives a server that runs elsewhere the namespace and search attributes that Keyturn needs. Repeating it is harmless. */
export async function prepareNamespace(address: string, namespace: string): Promise<void> {
  const { connectionOptions } = loadClientConnectConfig({ disableFile: true });
  const connection = await Connection.connect({ ...connectionOptions, address, connectTimeout: 5_000 });
  try {
    await registerNamespace(connection, namespace);
    await retryFor(30_000, () => addSearchAttributes(connection, namespace));
    await retryFor(30_000, () => useSearchAttributes(connection, namespace));
  } finally {
    await connection.close();
  }
}

async function registerNamespace(connection: Connection, namespace: string): Promise<void> {
  const retention = msToTs(RETENTION_MS);
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: retention,
    });
  }
}

async function addSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const missing = await missingAttributes(connection, namespace);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, INDEXED_TYPE[type]]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}

async function missingAttributes(connection: Connection, namespace: string) {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => !(name in (customAttributes ?? {})));
}

/**
 * Fails until a request that carries the attributes would be taken. The server lists them as soon as they are stored,
 * but refuses them for as long as its own copy of the namespace is older; a query is refused in the same way.
 */
async function useSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const query = Object.keys(SEARCH_ATTRIBUTES)
    .map((name) => `${name} is null`)
    .join(' and ');
  await connection.workflowService.countWorkflowExecutions({ namespace, query });
}

/** A namespace becomes known to all parts of a server only after a while. */
async function retryFor(durationMs: number, attempt: () => Promise<void>): Promise<void> {
  const deadlineMs = Date.now() + durationMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await pause(200);
    }
  }
}

/** True when the server knows every namespace and every search attribute in it. */
export async function isServing(address: string, namespaces: readonly string[]): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  try {
    for (const namespace of namespaces) {
      if ((await missingAttributes(connection, namespace)).length > 0) return false;
    }
    return true;
  } finally {
    await connection.close();
  }
}

async function flags(options: TemporalOptions): Promise<readonly string[]> {
  const repeated = (flag: string, values: object): string[] =>
    Object.entries(values).map(([name, value]) => `${flag}=${name}=${value}`);
  return [
    '--ip=127.0.0.1',
    `--port=${options.port}`,
    ...(await uiFlags(options)),
    ...(options.databaseFile === null ? [] : [`--db-filename=${options.databaseFile}`]),
    ...options.namespaces.map((name) => `--namespace=${name}`),
    ...repeated('--search-attribute', SEARCH_ATTRIBUTES),
    ...repeated('--dynamic-config-value', options.dynamicConfig ?? {}),
    '--log-level=warn',
  ];
}

async function uiFlags(options: TemporalOptions): Promise<readonly string[]> {
  if (options.uiPort === null) return ['--headless'];
  const help = await promisify(execFile)(options.program, ['server', 'start-dev', '--help']);
  // A page on loopback has no business on the internet; older servers do not know the switch.
  const news = help.stdout.includes('--ui-disable-news-fetch') ? ['--ui-disable-news-fetch'] : [];
  return ['--ui-ip', '127.0.0.1', '--ui-port', String(options.uiPort), ...news];
}
