import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { stringify } from 'yaml';
import { installPolicy } from '../../activities/policy-install.ts';
import { createApplication } from '../../apps/api/application.ts';
import type { TokenVerifier } from '../../apps/api/auth/token-verifier.ts';
import type { BuiltConsole } from '../../apps/api/console/built-console.ts';
import type { ApiContext } from '../../apps/api/context.ts';
import { openContext } from '../../apps/api/open-context.ts';
import { readApiConfiguration } from '../../configuration/programs.ts';
import { createDataSource } from '../../database/data-source.ts';
import { loadPolicyFolder } from '../../policy-files/compile.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import { ensureKeys } from '../../scripts/start/keys.ts';
import { ageDirectory } from '../stack/aged-directory.ts';
import { createDatabases, type StackDatabases } from '../stack/databases.ts';
import { call, type Call, type Reply } from '../stack/http.ts';
import { startIssuer, type TestIssuer } from '../stack/issuer.ts';
import { sharedTemporal, takeNumber, testFolder } from '../stack/temporal.ts';

/** One or more API instances inside the test process, on a database, a namespace and an issuer of their own. No worker. */
export interface TestApi {
  readonly url: string;
  readonly context: ApiContext;
  readonly tokens: TokenVerifier;
  readonly issuer: TestIssuer;
  readonly secondIssuer: TestIssuer;
  readonly databases: StackDatabases;
  readonly policy: PolicySet;
  readonly policyDigest: string;
  /** Superuser on Keyturn's database. */
  readonly db: Client;
  http<T = Record<string, unknown>>(options: Call): Promise<Reply<T>>;
  /** POST /v1/requests without waiting for a row. */
  create<T = Record<string, unknown>>(
    token: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Reply<T>>;
  stop(): Promise<void>;
}

/** A body that is accepted for agents of the test directory. */
export const GOOD_BODY = {
  action: 'postgres.execute',
  target: 'shop',
  arguments: { statement: 'update accounts set plan = $$pro$$ where id = 1' },
};

/** Starts an API on everything that is real but a worker. */
export async function startApi(
  environment: Readonly<Record<string, string>> = {},
  /** Writes the file of provisioning authorities for an issuer. */
  provisioning?: (issuer: string) => string,
  /** Instead of the one that was built. */
  console?: BuiltConsole,
): Promise<TestApi> {
  const number = takeNumber();
  const folder = path.join(testFolder(), `api_${number}`);
  fs.mkdirSync(folder, { recursive: true });
  const [databases, temporal, issuer, secondIssuer] = await Promise.all([
    createDatabases(`api_${number}`),
    sharedTemporal(number),
    startIssuer(),
    startIssuer(),
  ]);
  const { policy, digest } = await install(databases, issuer, secondIssuer);
  const keys = ensureKeys(path.join(folder, 'keys'));
  const settings = readApiConfiguration({
    KEYTURN_DATABASE_URL: databases.keyturn.api,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    KEYTURN_VERIFICATION_KEYS: keys.verification,
    KEYTURN_SEALING_KEYS: keys.sealing,
    KEYTURN_IDENTITY_KEY: keys.identity,
    KEYTURN_SIGNING_KEY: keys.signing,
    KEYTURN_ISSUERS: writeIssuers(folder, [issuer, secondIssuer]),
    KEYTURN_API_PORT: '0',
    KEYTURN_PUBLIC_URL: 'http://127.0.0.1:7080',
    KEYTURN_LOG_LEVEL: 'silent',
    KEYTURN_API_RATE: '100000',
    KEYTURN_API_EVALUATE_RATE: '100000',
    ...(provisioning ? { KEYTURN_SCIM: provisioning(issuer.url) } : {}),
    ...environment,
  });
  const { close, ...opened } = await openContext(settings);
  const app = await createApplication({ ...opened, ...(console && { console }) });
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  const db = new Client({ connectionString: databases.keyturn.admin });
  await db.connect();
  await ageDirectory(db);
  const http = <T>(options: Call): Promise<Reply<T>> => call<T>(url, options);
  return {
    url,
    ...opened,
    issuer,
    secondIssuer,
    databases,
    policy,
    policyDigest: digest,
    db,
    http,
    create: (token, body = GOOD_BODY, headers = {}) =>
      http({
        path: '/v1/requests',
        token,
        body,
        headers: { 'idempotency-key': randomUUID(), prefer: 'wait=0', ...headers },
      }),
    stop: async () => {
      await app.close();
      await Promise.all([close(), db.end(), issuer.stop(), secondIssuer.stop()]);
    },
  };
}

/** Makes a policy the active one, as the command line program does. */
export async function activate(databases: StackDatabases, policy: PolicySet, digest: string): Promise<void> {
  const source: DataSource = createDataSource({
    url: databases.keyturn.worker,
    applicationName: 'test',
    poolSize: 1,
  });
  await source.initialize();
  try {
    await installPolicy(source, {
      sources: { files: {}, environment: {} },
      policy,
      digest,
      installedBy: 'test',
      at: new Date().toISOString(),
    });
  } finally {
    await source.destroy();
  }
}

async function install(databases: StackDatabases, issuer: TestIssuer, secondIssuer: TestIssuer) {
  const folder = path.join(import.meta.dirname, '..', 'stack', 'policies');
  const loaded = await loadPolicyFolder(folder, {
    KEYTURN_IDP_ISSUER: issuer.url,
    KEYTURN_SECOND_ISSUER: secondIssuer.url,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  await activate(databases, loaded.policy, loaded.digest);
  return loaded;
}

function writeIssuers(folder: string, issuers: readonly TestIssuer[]): string {
  const file = path.join(folder, 'issuers.yaml');
  const entries = issuers.map(({ url }) => ({
    issuer: url,
    audience: 'keyturn',
    algorithms: ['EdDSA'],
    human: { clients: ['keyturn-web'], scope: 'keyturn:decide' },
    cli_client: 'keyturn-cli',
    console: { client_id: 'keyturn-console', authentication: 'none', trust: 'human' },
    claims: { trigger: 'trigger', groups: 'groups' },
  }));
  fs.writeFileSync(file, stringify({ issuers: entries }));
  return file;
}
