import { isIP } from 'node:net';

import { z } from 'zod';

import { BUDGET_VARIABLES, budgetsOf } from '../domain/execution/budgets.ts';
import { TARGET_FOLDERS } from '../domain/policy/target-references.ts';
import { readEnvironment } from './environment.ts';
import { temporalConnection } from './temporal.ts';

const text = z.string().min(1);
const url = z.url({ protocol: /^https?$/ });
const rate = z.coerce.number().positive().max(1_000_000);

/** A port of this machine; 0 takes any that is free. */
const port = z.coerce.number().int().min(0).max(65_535);

/** Addresses, or networks such as 10.0.0.0/8, with commas between them. */
const addresses = z
  .string()
  .transform((list) => list.split(',').map((one) => one.trim()))
  .refine(
    (all) => all.every(isNetwork),
    'must be addresses or networks (10.0.0.0/8), with commas between them',
  );

/** A whole number above zero. */
const count = z.coerce.number().int().positive();

const PROCESS = {
  KEYTURN_DATABASE_URL: text,
  TEMPORAL_ADDRESS: text.default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: text.default('default'),
  KEYTURN_TASK_QUEUE: text.default('keyturn'),
  KEYTURN_VERIFICATION_KEYS: text,
  KEYTURN_SEALING_KEYS: text,
  KEYTURN_IDENTITY_KEY: text,
  KEYTURN_ISSUERS: text,
  KEYTURN_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  ...BUDGET_VARIABLES,
};

const API = z.object({
  ...PROCESS,
  KEYTURN_SIGNING_KEY: text,
  KEYTURN_SCIM: text.optional(),
  KEYTURN_API_HOST: text.default('127.0.0.1'),
  KEYTURN_API_PORT: port.default(7080),
  KEYTURN_API_METRICS_HOST: text.default('127.0.0.1'),
  KEYTURN_API_METRICS_PORT: port.default(7086),
  KEYTURN_PUBLIC_URL: url.optional(),
  KEYTURN_TRUSTED_PROXIES: addresses.optional(),
  KEYTURN_TEMPORAL_UI_URL: url.optional(),
  KEYTURN_DEMO_REQUEST_URL: url.optional(),
  KEYTURN_API_RATE: rate.default(200),
  KEYTURN_API_EVALUATE_RATE: rate.default(5),
  KEYTURN_API_STREAMS: count.max(100_000).default(200),
  KEYTURN_API_UNREADY_SECONDS: z.coerce.number().min(0).max(600).default(3),
  KEYTURN_API_DRAIN_SECONDS: z.coerce.number().min(0).max(3_600).default(20),
  KEYTURN_API_POOL: count.max(500).default(10),
});

const WORKER = z.object({
  ...PROCESS,
  KEYTURN_WORKER_HOST: text.default('127.0.0.1'),
  KEYTURN_WORKER_PORT: port.default(7081),
  /** Workflows kept in memory: an unset cap lets thousands of waiting requests fill the heap. */
  KEYTURN_CACHED_WORKFLOWS_MAX: z.coerce.number().int().min(0).default(200),
  KEYTURN_SWEEP_INTERVAL_SECONDS: count.default(60),
  KEYTURN_ONCALL: z.string().optional(),
  /** Used where references are read (`activities/connectors/references.ts`); checked here, so that a mistake is seen at once. */
  KEYTURN_REFERENCE_FOLDERS: z.string().regex(TARGET_FOLDERS).optional(),
});

/** How the API runs. */
export type ApiConfiguration = ReturnType<typeof readApiConfiguration>;

/** How the worker runs: it reads no key that signs. */
export type WorkerConfiguration = ReturnType<typeof readWorkerConfiguration>;

/** What the API takes from its environment. Throws with the names of all variables that are missing or wrong, never with their values. */
export function readApiConfiguration(environment: NodeJS.ProcessEnv) {
  const values = readEnvironment(environment, API);
  return {
    ...processOf(environment, values),
    host: values.KEYTURN_API_HOST,
    port: values.KEYTURN_API_PORT,
    poolSize: values.KEYTURN_API_POOL,
    signingKey: values.KEYTURN_SIGNING_KEY,
    /** Null: nothing is provisioned. */
    scim: values.KEYTURN_SCIM ?? null,
    metrics: { host: values.KEYTURN_API_METRICS_HOST, port: values.KEYTURN_API_METRICS_PORT },
    /** Where browsers and callers find this API; without a slash at its end. */
    publicUrl: (values.KEYTURN_PUBLIC_URL ?? `http://localhost:${values.KEYTURN_API_PORT}`).replace(
      /\/+$/,
      '',
    ),
    /** Whose `X-Forwarded-For` and `X-Forwarded-Host` are believed. */
    trustedProxies: values.KEYTURN_TRUSTED_PROXIES ?? [],
    /** Where a click makes a request for who sees none: in the demo alone. */
    demoRequestUrl: values.KEYTURN_DEMO_REQUEST_URL ?? null,
    temporalUiUrl: values.KEYTURN_TEMPORAL_UI_URL?.replace(/\/+$/, '') ?? null,
    /** Calls a second that one identity may make, on average; twice as many at once. */
    ratePerSecond: values.KEYTURN_API_RATE,
    /** The same for dry runs, which count as calls as well. */
    evaluationsPerSecond: values.KEYTURN_API_EVALUATE_RATE,
    streamsMax: values.KEYTURN_API_STREAMS,
    drain: {
      unreadyMs: values.KEYTURN_API_UNREADY_SECONDS * 1_000,
      endMs: values.KEYTURN_API_DRAIN_SECONDS * 1_000,
    },
  };
}

/** The same for the worker. */
export function readWorkerConfiguration(environment: NodeJS.ProcessEnv) {
  const values = readEnvironment(environment, WORKER);
  return {
    ...processOf(environment, values),
    host: values.KEYTURN_WORKER_HOST,
    port: values.KEYTURN_WORKER_PORT,
    cachedWorkflowsMax: values.KEYTURN_CACHED_WORKFLOWS_MAX,
    sweepEveryMs: values.KEYTURN_SWEEP_INTERVAL_SECONDS * 1_000,
    onCallFile: values.KEYTURN_ONCALL,
  };
}

function processOf(environment: NodeJS.ProcessEnv, values: z.infer<z.ZodObject<typeof PROCESS>>) {
  return {
    databaseUrl: values.KEYTURN_DATABASE_URL,
    temporal: {
      address: values.TEMPORAL_ADDRESS,
      namespace: values.TEMPORAL_NAMESPACE,
      taskQueue: values.KEYTURN_TASK_QUEUE,
      /** TLS, API key and metadata, by the variables that Temporal's own tools know. */
      connection: temporalConnection(environment),
    },
    /** Files of the keys that API and worker both hold. */
    keys: {
      verification: values.KEYTURN_VERIFICATION_KEYS,
      sealing: values.KEYTURN_SEALING_KEYS,
      identity: values.KEYTURN_IDENTITY_KEY,
    },
    issuers: values.KEYTURN_ISSUERS,
    logLevel: values.KEYTURN_LOG_LEVEL,
    budgets: budgetsOf(values),
  };
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const bitsMax = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const isInside = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax);
  return bitsMax > 0 && more.length === 0 && isInside;
}
