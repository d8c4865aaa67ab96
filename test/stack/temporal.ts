import fs from 'node:fs';
import path from 'node:path';
import { freePort } from '../../scripts/servers/ports.ts';
import {
  prepareNamespace,
  startTemporal,
  type TemporalOptions,
  type TemporalServer,
} from '../../scripts/servers/temporal.ts';

/** Where the workflows of a stack live. */
export interface TemporalService {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | null;
  /** Only where the stack has a server of its own. */
  readonly server: OwnTemporal | null;
}

/** A Temporal server that a test may stop, kill and start again. What it knows survives. */
export interface OwnTemporal {
  pid(): number;
  start(): Promise<void>;
  stop(): Promise<void>;
  kill9(): Promise<void>;
}

/** Takes the next number that no stack of this run has, also across test processes. */
export function takeNumber(): number {
  const folder = path.join(testFolder(), 'taken');
  fs.mkdirSync(folder, { recursive: true });
  for (let number = 0; ; number += 1) {
    try {
      fs.mkdirSync(path.join(folder, String(number)));
      return number;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

/** Where the servers of this run keep their files and logs. */
export function testFolder(): string {
  return required('KEYTURN_TEST_FOLDER');
}

/** A namespace of the shared server. */
export async function sharedTemporal(number: number): Promise<TemporalService> {
  const address = required('TEMPORAL_ADDRESS');
  const uiUrl = process.env['KEYTURN_TEST_TEMPORAL_UI_URL'] ?? null;
  const prepared = Number(process.env['KEYTURN_TEST_NAMESPACES'] ?? 0);
  if (number < prepared) return { address, namespace: `stack-${number}`, uiUrl, server: null };
  // A server of somebody else keeps namespaces for longer than a run.
  const namespace = `keyturn-test-${path.basename(testFolder()).slice(-6).toLowerCase()}-${number}`;
  await prepareNamespace(address, namespace);
  return { address, namespace, uiUrl, server: null };
}

/** A server for one stack alone. */
export async function ownTemporal(
  folder: string,
  settings: Pick<TemporalOptions, 'dynamicConfig'> = {},
): Promise<TemporalService> {
  const port = await freePort();
  const uiPort = await freePort();
  let server: TemporalServer | undefined;
  const start = async (): Promise<void> => {
    server = await startTemporal({
      program: required('KEYTURN_TEST_TEMPORAL_PROGRAM'),
      port,
      uiPort,
      logFile: path.join(folder, 'temporal.log'),
      databaseFile: path.join(folder, 'temporal.db'),
      namespaces: ['default'],
      ...settings,
    });
  };
  await start();
  return {
    address: `127.0.0.1:${port}`,
    namespace: 'default',
    uiUrl: `http://127.0.0.1:${uiPort}`,
    server: {
      pid: () => server?.running.pid ?? 0,
      start,
      stop: async () => server?.running.stop(),
      kill9: async () => server?.running.kill9(),
    },
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set: run this test in the project "system", without an external server.`);
  return value;
}
