import type { ClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';

import {
  port,
  PROCESS_VARIABLES,
  readEnvironment,
  temporalConnection,
} from '../../configuration/environment.ts';
import { budgetsOf, type Budgets } from '../../domain/execution/budgets.ts';
import type { DrainLimits } from './http/draining.ts';

const environmentSchema = z.object({
  ...PROCESS_VARIABLES,
  KEYTURN_SIGNING_KEY: z.string().min(1),
  KEYTURN_ISSUERS: z.string().min(1),
  KEYTURN_SCIM: z.string().min(1).optional(),
  KEYTURN_API_HOST: z.string().min(1).default('127.0.0.1'),
  KEYTURN_API_PORT: port.default(7080),
  KEYTURN_API_METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  KEYTURN_API_METRICS_PORT: port.default(7086),
  KEYTURN_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  KEYTURN_TEMPORAL_UI_URL: z.url({ protocol: /^https?$/ }).optional(),
  KEYTURN_API_RATE: z.coerce.number().positive().max(1_000_000).default(200),
  KEYTURN_API_EVALUATE_RATE: z.coerce.number().positive().max(1_000_000).default(5),
  KEYTURN_API_STREAMS: z.coerce.number().int().positive().max(100_000).default(200),
  KEYTURN_API_UNREADY_SECONDS: z.coerce.number().min(0).max(600).default(3),
  KEYTURN_API_DRAIN_SECONDS: z.coerce.number().min(0).max(3_600).default(20),
  KEYTURN_API_POOL: z.coerce.number().int().positive().max(500).default(10),
});

/** How this process runs: everything it takes from its environment, checked. */
export interface Settings {
  readonly databaseUrl: string;
  readonly poolSize: number;
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    readonly taskQueue: string;
    /** TLS, API key and metadata, by the variables that Temporal's own tools know. */
    readonly connection: ClientConnectConfig['connectionOptions'];
  };
  readonly files: {
    readonly verificationKeys: string;
    readonly sealingKeys: string;
    readonly identityKey: string;
    readonly signingKey: string;
    readonly issuers: string;
    /** Null: nothing is provisioned. */
    readonly scim: string | null;
  };
  readonly logLevel: z.infer<typeof environmentSchema>['KEYTURN_LOG_LEVEL'];
  readonly host: string;
  readonly port: number;
  readonly metrics: { readonly host: string; readonly port: number };
  readonly publicUrl: string | null;
  readonly temporalUiUrl: string | null;
  /** Calls a second that one identity may make, on average; twice as many at once. */
  readonly ratePerSecond: number;
  /** The same for dry runs, which count as calls as well. */
  readonly evaluationsPerSecond: number;
  readonly streamsMax: number;
  readonly drain: DrainLimits;
  readonly budgets: Budgets;
}

/** Reads the environment. Throws with the names of all variables that are missing or wrong, never with their values. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return settingsOf(readEnvironment(environment, environmentSchema), temporalConnection(environment));
}

function settingsOf(
  values: z.infer<typeof environmentSchema>,
  connection: ClientConnectConfig['connectionOptions'],
): Settings {
  return {
    databaseUrl: values.KEYTURN_DATABASE_URL,
    poolSize: values.KEYTURN_API_POOL,
    temporal: {
      address: values.TEMPORAL_ADDRESS,
      namespace: values.TEMPORAL_NAMESPACE,
      taskQueue: values.KEYTURN_TASK_QUEUE,
      connection,
    },
    files: {
      verificationKeys: values.KEYTURN_VERIFICATION_KEYS,
      sealingKeys: values.KEYTURN_SEALING_KEYS,
      identityKey: values.KEYTURN_IDENTITY_KEY,
      signingKey: values.KEYTURN_SIGNING_KEY,
      issuers: values.KEYTURN_ISSUERS,
      scim: values.KEYTURN_SCIM ?? null,
    },
    logLevel: values.KEYTURN_LOG_LEVEL,
    host: values.KEYTURN_API_HOST,
    port: values.KEYTURN_API_PORT,
    metrics: { host: values.KEYTURN_API_METRICS_HOST, port: values.KEYTURN_API_METRICS_PORT },
    publicUrl: values.KEYTURN_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    temporalUiUrl: values.KEYTURN_TEMPORAL_UI_URL?.replace(/\/+$/, '') ?? null,
    ratePerSecond: values.KEYTURN_API_RATE,
    evaluationsPerSecond: values.KEYTURN_API_EVALUATE_RATE,
    streamsMax: values.KEYTURN_API_STREAMS,
    drain: {
      unreadyMs: values.KEYTURN_API_UNREADY_SECONDS * 1_000,
      endMs: values.KEYTURN_API_DRAIN_SECONDS * 1_000,
    },
    budgets: budgetsOf(values),
  };
}
