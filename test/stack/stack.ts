import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { Client as DatabaseClient } from 'pg';
import { stringify } from 'yaml';
import { root } from '../../scripts/servers/root.ts';
import type { TemporalOptions } from '../../scripts/servers/temporal.ts';
import { ensureKeys } from '../../scripts/start/keys.ts';
import { compiled, createDatabases, type StackDatabases } from './databases.ts';
import { fullTemporal } from './full-temporal.ts';
import type { FullTemporalPrograms } from './full-temporal-program.ts';
import { call, type Call, type Reply } from './http.ts';
import { startIssuer, type TestIssuer } from './issuer.ts';
import { defineProgram, type Program, type ProgramPorts } from './program.ts';
import { ownTemporal, sharedTemporal, takeNumber, testFolder, type TemporalService } from './temporal.ts';
import { waitFor } from './wait.ts';

/** How a stack differs from the usual one API and one worker. */
export interface StackOptions {
  /** A folder of policy files; test/stack/policies when left out. */
  readonly policies?: string;
  readonly apis?: number;
  readonly workers?: number;
  /** Under which browsers find the API: 127.0.0.1 when left out, where they give no passkeys. */
  readonly publicHost?: 'localhost';
  /** Added to the environment of every program. */
  readonly env?: Readonly<Record<string, string>>;
  /** Writes the file of provisioning authorities for an issuer. */
  readonly provisioning?: (issuer: string) => string;
  /** A Temporal server of its own, which the test may kill. */
  readonly ownTemporal?: boolean | Pick<TemporalOptions, 'dynamicConfig'>;
  /** The full Temporal server from these programs, of its own, instead of the development server. */
  readonly fullTemporal?: FullTemporalPrograms;
  /** False: programs are defined but not started. */
  readonly isStarted?: boolean;
}

/** How the command line program ended. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The whole product on real servers, for one test file. */
export interface Stack {
  readonly name: string;
  readonly folder: string;
  readonly apis: readonly Program[];
  readonly workers: readonly Program[];
  /** Its people and agents are in the directory of the policy. */
  readonly issuer: TestIssuer;
  /** Configured like the first; knows other people by the same names (see the directory of the policy). */
  readonly secondIssuer: TestIssuer;
  readonly databases: StackDatabases;
  /** Superuser on Keyturn's database. */
  readonly keyturnDb: DatabaseClient;
  /** Superuser on the target. */
  readonly target: DatabaseClient;
  readonly temporal: TemporalClient;
  readonly temporalService: TemporalService;
  readonly taskQueue: string;
  /** What every program of the stack gets; also for starting one by hand. */
  readonly env: Readonly<Record<string, string>>;
  /** Calls the first API, or the one with this number. */
  http<T = Record<string, unknown>>(options: Call, api?: number): Promise<Reply<T>>;
  /** POST /v1/requests with a fresh Idempotency-Key, waiting for the plan, unless the headers say otherwise. */
  request<T = Record<string, unknown>>(
    token: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Reply<T>>;
  /** POST /v1/requests/:id/decisions, by default on the decision digest that the request has now. */
  decide<T = Record<string, unknown>>(token: string, id: string, decision?: Decision): Promise<Reply<T>>;
  /** Waits in the database, so it works with every API down. Answers the row. */
  waitForStatus(
    id: string,
    status: string | readonly string[],
    withinMs?: number,
  ): Promise<Record<string, unknown>>;
  /** Runs the `keyturn` program against the first API. */
  cli(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliResult>;
  stop(): Promise<void>;
}

/** A decision as a reviewer sends it. */
export interface Decision {
  readonly verdict?: 'approve' | 'deny' | 'defer';
  readonly reason?: string;
  readonly decision_digest?: string;
  readonly defer?: { readonly until?: string; readonly to?: string };
}

/** Starts everything that the options ask for and installs the policy. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const number = takeNumber();
  const name = `stack_${number}`;
  const folder = path.join(testFolder(), name);
  fs.mkdirSync(folder, { recursive: true });
  const [databases, temporalService, issuer, secondIssuer] = await Promise.all([
    createDatabases(name),
    temporalOf(options, { folder, name, number }),
    startIssuer(),
    startIssuer(),
  ]);
  const taskQueue = 'keyturn';
  const context = { options, folder, databases, temporalService, issuer, secondIssuer, taskQueue };
  const env = environmentOf(context);
  await installPolicy(options.policies ?? path.join(root, 'test', 'stack', 'policies'), {
    ...process.env,
    ...env,
  });
  const programs = await definePrograms({ ...context, env });
  const parts = { ...context, ...programs, ...(await connect(databases, temporalService)), env, name };
  if (options.isStarted ?? true) {
    await Promise.all([...programs.apis, ...programs.workers].map((program) => program.start()));
  }
  return { ...parts, ...operationsOf(parts) };
}

function temporalOf(
  options: StackOptions,
  stack: { readonly folder: string; readonly name: string; readonly number: number },
): Promise<TemporalService> {
  if (options.fullTemporal) return fullTemporal(options.fullTemporal, stack.name);
  const { ownTemporal: own } = options;
  if (!own) return sharedTemporal(stack.number);
  return ownTemporal(stack.folder, own === true ? {} : own);
}

interface Context {
  readonly options: StackOptions;
  readonly folder: string;
  readonly databases: StackDatabases;
  readonly temporalService: TemporalService;
  readonly issuer: TestIssuer;
  readonly secondIssuer: TestIssuer;
  readonly taskQueue: string;
}

type Parts = Omit<Stack, 'http' | 'request' | 'decide' | 'waitForStatus' | 'cli' | 'stop'>;

function environmentOf(context: Context): Record<string, string> {
  const keys = ensureKeys(path.join(context.folder, 'keys'));
  return {
    TEMPORAL_ADDRESS: context.temporalService.address,
    TEMPORAL_NAMESPACE: context.temporalService.namespace,
    KEYTURN_TASK_QUEUE: context.taskQueue,
    KEYTURN_VERIFICATION_KEYS: keys.verification,
    KEYTURN_SEALING_KEYS: keys.sealing,
    KEYTURN_IDENTITY_KEY: keys.identity,
    KEYTURN_SIGNING_KEY: keys.signing,
    KEYTURN_DATABASE_URL: context.databases.keyturn.worker,
    KEYTURN_ISSUERS: writeIssuers(context),
    KEYTURN_IDP_ISSUER: context.issuer.url,
    KEYTURN_SECOND_ISSUER: context.secondIssuer.url,
    KEYTURN_TARGET_SHOP_URL: context.databases.target,
    ...(context.options.provisioning
      ? { KEYTURN_SCIM: context.options.provisioning(context.issuer.url) }
      : {}),
    ...context.options.env,
  };
}

/** People sign in with a browser at the first issuer. */
const CONSOLE_CLIENT = { client_id: 'keyturn-console', authentication: 'none', trust: 'human' };

function writeIssuers({ folder, issuer, secondIssuer }: Context): string {
  const file = path.join(folder, 'issuers.yaml');
  const issuers = [issuer, secondIssuer].map(({ url }) => ({
    issuer: url,
    audience: 'keyturn',
    algorithms: ['EdDSA'],
    jwks_uri: `${url}/jwks`,
    human: { clients: ['keyturn-web'], scope: 'keyturn:decide' },
    cli_client: 'keyturn-cli',
    ...(url === issuer.url && { console: CONSOLE_CLIENT }),
    claims: { trigger: 'trigger', groups: 'groups' },
  }));
  fs.writeFileSync(file, stringify({ issuers }));
  return file;
}

async function installPolicy(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const result = await runCli(['policy', 'install', folder], env);
  if (result.code !== 0) throw new Error(`The test policy was refused:\n${result.stdout}${result.stderr}`);
}

async function definePrograms(
  context: Context & { readonly env: Readonly<Record<string, string>> },
): Promise<Pick<Stack, 'apis' | 'workers'>> {
  const define = (kind: 'api' | 'worker', index: number): Promise<Program> =>
    defineProgram({
      name: `${kind}-${index}`,
      script: compiled(`apps/${kind}/main.js`),
      logFile: path.join(context.folder, `${kind}-${index}.log`),
      env: (ports) => (kind === 'api' ? apiEnvironment(context, ports) : workerEnvironment(context, ports)),
      hasOwnMetricsPort: kind === 'api',
    });
  const many = (kind: 'api' | 'worker', count = 1): Promise<Program[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => define(kind, index)));
  return {
    apis: await many('api', context.options.apis),
    workers: await many('worker', context.options.workers),
  };
}

type Environment = Readonly<Record<string, string>>;

/** The worker holds no signing key, the API no credentials of targets. */
function apiEnvironment(
  { env, databases, temporalService, options }: Context & { env: Environment },
  { port, metricsPort }: ProgramPorts,
): Environment {
  const { KEYTURN_TARGET_SHOP_URL: _url, ...rest } = env;
  const ui = temporalService.uiUrl === null ? {} : { KEYTURN_TEMPORAL_UI_URL: temporalService.uiUrl };
  return {
    // No load balancer has to notice that it ends.
    KEYTURN_API_UNREADY_SECONDS: '0',
    ...rest,
    ...ui,
    KEYTURN_DATABASE_URL: databases.keyturn.api,
    KEYTURN_API_PORT: String(port),
    KEYTURN_API_METRICS_PORT: String(metricsPort),
    KEYTURN_PUBLIC_URL: `http://${options.publicHost ?? '127.0.0.1'}:${port}`,
  };
}

function workerEnvironment({ env }: { env: Environment }, { port }: ProgramPorts): Environment {
  const { KEYTURN_SIGNING_KEY: _key, ...rest } = env;
  return { ...rest, KEYTURN_WORKER_PORT: String(port) };
}

async function connect(
  databases: StackDatabases,
  service: TemporalService,
): Promise<Pick<Stack, 'keyturnDb' | 'target' | 'temporal'>> {
  const connection = await Connection.connect({ address: service.address });
  return {
    keyturnDb: await openDatabase(databases.keyturn.admin),
    target: await openDatabase(databases.targetAdmin),
    temporal: new TemporalClient({ connection, namespace: service.namespace }),
  };
}

async function openDatabase(url: string): Promise<DatabaseClient> {
  const client = new DatabaseClient({ connectionString: url });
  await client.connect();
  return client;
}

function operationsOf(
  parts: Parts,
): Pick<Stack, 'http' | 'request' | 'decide' | 'waitForStatus' | 'cli' | 'stop'> {
  const http = <T>(options: Call, api = 0): Promise<Reply<T>> => call<T>(parts.apis[api]?.url ?? '', options);
  return {
    http,
    request: (token, body, headers = {}) =>
      http({
        path: '/v1/requests',
        token,
        body,
        headers: { 'idempotency-key': randomUUID(), prefer: 'wait=20', ...headers },
      }),
    decide: async (token, id, decision = {}) => {
      const digest = decision.decision_digest ?? (await decisionDigest(parts.keyturnDb, id));
      const body = { verdict: 'approve', reason: 'looks right', ...decision, decision_digest: digest };
      return http({ path: `/v1/requests/${id}/decisions`, token, body });
    },
    waitForStatus: (id, status, withinMs) => waitForStatus(parts.keyturnDb, { id, status, withinMs }),
    cli: (args, env = {}) =>
      runCli(args, { ...process.env, ...parts.env, KEYTURN_API_URL: parts.apis[0]?.url ?? '', ...env }),
    stop: () => stop(parts),
  };
}

async function decisionDigest(database: DatabaseClient, id: string): Promise<string> {
  const sql = 'select decision_digest from keyturn.request where id = $1';
  const { rows } = await database.query<{ decision_digest: string }>(sql, [id]);
  return rows[0]?.decision_digest ?? '';
}

interface StatusWait {
  readonly id: string;
  readonly status: string | readonly string[];
  readonly withinMs: number | undefined;
}

async function waitForStatus(database: DatabaseClient, wait: StatusWait): Promise<Record<string, unknown>> {
  const wanted = typeof wait.status === 'string' ? [wait.status] : wait.status;
  const row = async (): Promise<Record<string, unknown> | undefined> => {
    const sql = 'select * from keyturn.request where id = $1';
    const { rows } = await database.query<Record<string, unknown>>(sql, [wait.id]);
    return rows[0];
  };
  return waitFor({
    what: `${wait.id} to be ${wanted.join(' or ')}`,
    check: async () => {
      const found = await row();
      return wanted.includes(String(found?.['status'])) ? found : undefined;
    },
    explain: async () => `it is ${JSON.stringify((await row())?.['status'] ?? 'not there')}`,
    ...(wait.withinMs === undefined ? {} : { withinMs: wait.withinMs }),
  });
}

function runCli(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(process.execPath, [compiled('apps/cli/main.js'), ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
    });
  });
}

async function stop(parts: Parts): Promise<void> {
  await Promise.all([...parts.apis, ...parts.workers].map((program) => program.stop()));
  await Promise.all([parts.keyturnDb.end(), parts.target.end(), parts.temporal.connection.close()]);
  await Promise.all([parts.issuer.stop(), parts.secondIssuer.stop(), parts.temporalService.server?.stop()]);
}
