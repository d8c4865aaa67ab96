import path from 'node:path';
import { freePort, isPortFree } from '../servers/ports.ts';
import { pause } from '../servers/process.ts';
import { root } from '../servers/root.ts';

/** Where everything listens and where it keeps what it must not forget. */
export interface Settings {
  /** `.keyturn/`, or what KEYTURN_FOLDER names: data, keys, logs. Deleting it starts from nothing. */
  readonly folder: string;
  readonly ports: Readonly<Record<PortName, number>>;
  /** A PostgreSQL to use instead of the embedded one: a role that may create databases and roles. */
  readonly databaseUrl: string | null;
  /** A Temporal server to use instead of an own one. */
  readonly temporalAddress: string | null;
  readonly namespace: string;
  readonly isDemo: boolean;
}

/** The environment variables that name ports, and what they are when unset. */
const PORTS = {
  KEYTURN_API_PORT: 7080,
  KEYTURN_WORKER_PORT: 7081,
  KEYTURN_IDP_PORT: 7082,
  KEYTURN_POSTGRES_PORT: 7083,
  KEYTURN_TEMPORAL_PORT: 7084,
  KEYTURN_TEMPORAL_UI_PORT: 7085,
  KEYTURN_API_METRICS_PORT: 7086,
} as const;

/** An environment variable that names a port. */
export type PortName = keyof typeof PORTS;

/** Reads environment and arguments. Throws with the name of a variable that is wrong. */
export function readSettings(env: NodeJS.ProcessEnv, args: readonly string[]): Settings {
  const unknown = args.filter((arg) => arg !== '--demo');
  if (unknown.length > 0) throw new Error(`Unknown argument ${unknown.join(' ')}. There is only --demo.`);
  return {
    folder: path.resolve(root, env['KEYTURN_FOLDER'] || '.keyturn'),
    ports: portsOf(env),
    databaseUrl: env['DATABASE_URL'] || null,
    temporalAddress: env['TEMPORAL_ADDRESS'] || null,
    namespace: env['TEMPORAL_NAMESPACE'] || 'default',
    isDemo: args.includes('--demo'),
  };
}

/**
 * Throws with every variable to change when ports that will be needed are taken, or named twice. `patienceMs` is how long
 * to wait for them to become free.
 */
export async function refuseTakenPorts(settings: Settings, patienceMs = 0): Promise<void> {
  refuseSharedPorts(settings);
  const deadlineMs = Date.now() + patienceMs;
  let taken = await takenPorts(settings);
  while (taken.length > 0 && Date.now() < deadlineMs) {
    await pause(200);
    taken = await takenPorts(settings);
  }
  if (taken.length === 0) return;
  const instead = await Promise.all(taken.map(async (name) => `${name}=${await freePort()}`));
  throw new Error(
    [
      'Other programs listen on these ports of 127.0.0.1:',
      ...taken.map((name) => `  ${settings.ports[name]}  (${name})`),
      'Stop those programs, or choose other ports with these environment variables, for example:',
      `  ${instead.join(' ')} npm start`,
    ].join('\n'),
  );
}

/** What to add to the failure of a program whose port was free when it was checked, and taken when it started. */
export function lostPortHint(failure: string): string {
  return /address already in use|EADDRINUSE/i.test(failure)
    ? '\nAnother program took a port after the check found it free. Start again: that names the port and its variable.'
    : '';
}

function refuseSharedPorts(settings: Settings): void {
  const owners = new Map<number, string>();
  for (const name of neededPorts(settings)) {
    const port = settings.ports[name];
    const owner = owners.get(port);
    if (owner) throw new Error(`${owner} and ${name} are both ${port}. Give one of them another number.`);
    owners.set(port, name);
  }
}

async function takenPorts(settings: Settings): Promise<readonly PortName[]> {
  const names = neededPorts(settings);
  const areFree = await Promise.all(names.map((name) => isPortFree(settings.ports[name])));
  return names.filter((_name, index) => areFree[index] === false);
}

function neededPorts(settings: Settings): readonly PortName[] {
  const temporal = ['KEYTURN_TEMPORAL_PORT', 'KEYTURN_TEMPORAL_UI_PORT'] as const;
  return [
    'KEYTURN_API_PORT',
    'KEYTURN_API_METRICS_PORT',
    'KEYTURN_WORKER_PORT',
    'KEYTURN_IDP_PORT',
    ...(settings.databaseUrl ? [] : (['KEYTURN_POSTGRES_PORT'] as const)),
    ...(settings.temporalAddress ? [] : temporal),
  ];
}

function portsOf(env: NodeJS.ProcessEnv): Settings['ports'] {
  const ports = Object.entries(PORTS).map(([name, usual]) => [name, portOf(name, env[name] || usual)]);
  return Object.fromEntries(ports) as Settings['ports'];
}

function portOf(name: string, text: string | number): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new Error(`${name} is "${text}", which is no port number.`);
}
