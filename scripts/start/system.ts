import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { startPostgres } from '../servers/postgres.ts';
import { startProcess, waitUntilReady } from '../servers/process.ts';
import { root } from '../servers/root.ts';
import { findTemporal } from '../servers/temporal-program.ts';
import { prepareNamespace, startTemporal } from '../servers/temporal.ts';
import {
  installPolicy,
  prepareKeyturn,
  prepareShop,
  writeOperatorFile,
  type Databases,
} from './databases.ts';
import { ensureKeys, type KeyFiles } from './keys.ts';
import { note, step } from './progress.ts';
import type { Settings } from './settings.ts';
import type { Supervisor } from './supervisor.ts';

/** Where the running system can be reached. */
export interface Addresses {
  readonly api: string;
  /** The same by the name that browsers use. */
  readonly browser: string;
  readonly worker: string;
  readonly identityProvider: string;
  readonly temporal: string;
  /** Null where the Temporal server is somebody else's and its UI is not named. */
  readonly temporalUi: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Starts everything in order and answers where it is. Each part is ready before this returns. */
export async function startSystem(settings: Settings, supervisor: Supervisor): Promise<Addresses> {
  await step('compiled the sources', build);
  const [adminUrl, temporal] = await Promise.all([
    database(settings, supervisor),
    temporalServer(settings, supervisor),
  ]);
  const addresses = addressesOf(settings, temporal);
  const databases = await prepareDatabases(settings, adminUrl);
  await step(
    (isSample) =>
      isSample ? 'policy installed from policies/' : 'policy: the active one stays (policies/ differs)',
    () => installPolicy(databases.worker, addresses.identityProvider),
  );
  const context = {
    settings,
    supervisor,
    addresses,
    databases,
    keys: ensureKeys(folderOf(settings, 'keys')),
  };
  await Promise.all([
    step(`demo identity provider on ${addresses.identityProvider}`, () => identityProvider(context)),
    step(`worker on ${addresses.worker}`, () => worker(context)),
    step(`API on ${addresses.api}`, () => api(context)),
  ]);
  writeOperatorFile(settings.folder, operatorVariables(context));
  fs.writeFileSync(addressesFile(settings), `${JSON.stringify(addresses, null, 2)}\n`);
  return addresses;
}

/** Where the system of this folder is, as far as it was ever started. */
export function knownAddresses(settings: Settings): Addresses {
  const addresses: Addresses = JSON.parse(fs.readFileSync(addressesFile(settings), 'utf8'));
  return addresses;
}

function addressesFile(settings: Settings): string {
  return path.join(settings.folder, 'addresses.json');
}

function addressesOf(settings: Settings, temporal: string): Addresses {
  const { ports } = settings;
  const ownUi = `http://127.0.0.1:${ports.KEYTURN_TEMPORAL_UI_PORT}`;
  return {
    api: `http://127.0.0.1:${ports.KEYTURN_API_PORT}`,
    browser: `http://localhost:${ports.KEYTURN_API_PORT}`,
    worker: `http://127.0.0.1:${ports.KEYTURN_WORKER_PORT}`,
    identityProvider: `http://127.0.0.1:${ports.KEYTURN_IDP_PORT}`,
    temporal,
    temporalUi: settings.temporalAddress ? (process.env['KEYTURN_TEMPORAL_UI_URL'] ?? null) : ownUi,
  };
}

async function build(): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root });
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    throw new Error(`The sources do not compile:\n${said.trim()}`, { cause: error });
  }
}

async function database(settings: Settings, supervisor: Supervisor): Promise<string> {
  if (settings.databaseUrl) {
    note('PostgreSQL: the one that DATABASE_URL names');
    return settings.databaseUrl;
  }
  const port = settings.ports.KEYTURN_POSTGRES_PORT;
  return step(`PostgreSQL on 127.0.0.1:${port}`, async () => {
    const server = await startPostgres({
      folder: folderOf(settings, 'postgres'),
      port,
      logFile: logOf(settings, 'postgres'),
      isDurable: true,
    });
    supervisor.add(server.running);
    return server.url();
  });
}

async function temporalServer(settings: Settings, supervisor: Supervisor): Promise<string> {
  const source = await findTemporal((line) => note(`Temporal server, ${line}`));
  if (source.kind === 'address') {
    await step(`Temporal namespace ${settings.namespace} on ${source.address}`, () =>
      prepareNamespace(source.address, settings.namespace),
    );
    return source.address;
  }
  const { KEYTURN_TEMPORAL_PORT: port, KEYTURN_TEMPORAL_UI_PORT: uiPort } = settings.ports;
  return step(`Temporal on 127.0.0.1:${port}, its UI on http://127.0.0.1:${uiPort}`, async () => {
    const server = await startTemporal({
      program: source.file,
      port,
      uiPort,
      logFile: logOf(settings, 'temporal'),
      databaseFile: path.join(settings.folder, 'temporal.db'),
      namespaces: [settings.namespace],
    });
    supervisor.add(server.running);
    return server.address;
  });
}

async function prepareDatabases(settings: Settings, adminUrl: string): Promise<Databases> {
  const own = await step('database migrated', () => prepareKeyturn(adminUrl, settings.folder));
  const target = await step('demo database "shop" ready', () => prepareShop(adminUrl, settings.folder));
  return { ...own, target };
}

interface Context {
  readonly settings: Settings;
  readonly supervisor: Supervisor;
  readonly addresses: Addresses;
  readonly databases: Databases;
  readonly keys: KeyFiles;
}

interface Program {
  readonly name: string;
  readonly file: string;
  readonly log: string;
  readonly health: string;
  readonly env: Environment;
}

/** So that no page but the console has the demo's agent ask for something. */
const DEMO_KEY = randomBytes(24).toString('base64url');

function identityProvider(context: Context): Promise<void> {
  const { settings, addresses } = context;
  return startProgram(context, {
    name: 'the demo identity provider',
    file: 'scripts/identity-provider.mjs',
    log: 'identity-provider',
    health: `${addresses.identityProvider}/healthz`,
    env: {
      KEYTURN_IDP_PORT: String(settings.ports.KEYTURN_IDP_PORT),
      KEYTURN_IDP_FOLDER: folderOf(settings, 'identity-provider'),
      KEYTURN_IDP_POLICY: path.join(root, 'policies'),
      KEYTURN_IDP_CONSOLE: addresses.browser,
      KEYTURN_IDP_DEMO_KEY: DEMO_KEY,
    },
  });
}

function worker(context: Context): Promise<void> {
  const { settings, addresses, databases } = context;
  return startProgram(context, {
    name: 'the worker',
    file: 'dist/apps/worker/main.js',
    log: 'worker',
    health: `${addresses.worker}/readyz`,
    env: {
      ...common(context),
      KEYTURN_DATABASE_URL: databases.worker,
      KEYTURN_WORKER_PORT: String(settings.ports.KEYTURN_WORKER_PORT),
      KEYTURN_TARGET_SHOP_URL: databases.target,
    },
  });
}

function api(context: Context): Promise<void> {
  const { settings, addresses, databases, keys } = context;
  const ui = addresses.temporalUi === null ? {} : { KEYTURN_TEMPORAL_UI_URL: addresses.temporalUi };
  return startProgram(context, {
    name: 'the API',
    file: 'dist/apps/api/main.js',
    log: 'api',
    health: `${addresses.api}/readyz`,
    env: {
      ...common(context),
      ...ui,
      KEYTURN_DATABASE_URL: databases.api,
      KEYTURN_API_PORT: String(settings.ports.KEYTURN_API_PORT),
      // Nobody else sends calls here.
      KEYTURN_API_UNREADY_SECONDS: '0',
      KEYTURN_API_METRICS_PORT: String(settings.ports.KEYTURN_API_METRICS_PORT),
      KEYTURN_PUBLIC_URL: addresses.browser,
      KEYTURN_DEMO_REQUEST_URL: `${addresses.identityProvider}/demo/request?key=${DEMO_KEY}`,
      KEYTURN_SIGNING_KEY: keys.signing,
    },
  });
}

/** Starts one, until it answers. The programs get their own roles; the administrator's connection is nobody else's business. */
async function startProgram({ settings, supervisor }: Context, program: Program): Promise<void> {
  const { name, file, log, health, env } = program;
  const running = startProcess({
    name,
    command: [process.execPath, '--enable-source-maps', path.join(root, file)],
    logFile: logOf(settings, log),
    env: { ...process.env, DATABASE_URL: undefined, ...env },
  });
  supervisor.add(running);
  await waitUntilReady(running, () => isHealthy(health), 60_000);
}

function common(context: Context): Environment {
  const { settings, addresses, keys } = context;
  return {
    // How another server is reached is no way to reach our own.
    ...(settings.temporalAddress ? {} : { TEMPORAL_TLS: 'false', TEMPORAL_API_KEY: undefined }),
    TEMPORAL_ADDRESS: addresses.temporal,
    TEMPORAL_NAMESPACE: settings.namespace,
    KEYTURN_VERIFICATION_KEYS: keys.verification,
    KEYTURN_SEALING_KEYS: keys.sealing,
    KEYTURN_IDENTITY_KEY: keys.identity,
    KEYTURN_ISSUERS: writeIssuers(context),
  };
}

/** What commands of operators read of their environment. */
function operatorVariables({ settings, addresses, databases }: Context): Readonly<Record<string, string>> {
  return {
    KEYTURN_DATABASE_URL: databases.worker,
    KEYTURN_API_URL: addresses.api,
    KEYTURN_IDP_ISSUER: addresses.identityProvider,
    KEYTURN_TARGET_SHOP_URL: databases.target,
    TEMPORAL_ADDRESS: addresses.temporal,
    TEMPORAL_NAMESPACE: settings.namespace,
  };
}

function writeIssuers({ settings, addresses }: Context): string {
  const file = path.join(settings.folder, 'issuers.yaml');
  const issuer = {
    issuer: addresses.identityProvider,
    audience: 'keyturn',
    algorithms: ['ES256'],
    jwks_uri: `${addresses.identityProvider}/jwks`,
    human: { clients: ['keyturn-demo'], scope: 'keyturn:decide' },
    cli_client: 'keyturn-cli',
    console: { client_id: 'keyturn-console', authentication: 'none', trust: 'human' },
    claims: { trigger: 'trigger' },
  };
  fs.writeFileSync(file, `# Written by npm start.\n${stringify({ issuers: [issuer] })}`);
  return file;
}

async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

function folderOf(settings: Settings, name: string): string {
  return path.join(settings.folder, name);
}

function logOf(settings: Settings, name: string): string {
  return path.join(settings.folder, 'logs', `${name}.log`);
}
