import { readFile } from 'node:fs/promises';

import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { createLocalJWKSet, type CompactVerifyGetKey } from 'jose';
import { z } from 'zod';

import { BUDGET_VARIABLES } from '../../domain/budgets.ts';
import type { SealingKeys } from '../../domain/sealing.ts';
import { TARGET_FOLDERS } from '../../domain/target-references.ts';

const environmentSchema = z.object({
  KEYTURN_DATABASE_URL: z.string().min(1),
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  KEYTURN_TASK_QUEUE: z.string().default('keyturn'),
  KEYTURN_VERIFICATION_KEYS: z.string().min(1),
  KEYTURN_SEALING_KEYS: z.string().min(1),
  KEYTURN_IDENTITY_KEY: z.string().min(1),
  KEYTURN_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  KEYTURN_WORKER_HOST: z.string().default('127.0.0.1'),
  KEYTURN_WORKER_PORT: z.coerce.number().int().min(0).max(65_535).default(7081),
  /** Workflows kept in memory: an unset cap lets thousands of waiting requests fill the heap. */
  KEYTURN_CACHED_WORKFLOWS_MAX: z.coerce.number().int().min(0).default(200),
  KEYTURN_SWEEP_INTERVAL_SECONDS: z.coerce.number().int().positive().default(60),
  ...BUDGET_VARIABLES,
  /** Empty is not set: compose files write `NAME=${NAME:-}`. */
  KEYTURN_ONCALL: z.string().optional(),
  /** Read where a target's reference is (`activities/connectors/references.ts`); checked here, so that a mistake is seen at once. */
  KEYTURN_REFERENCE_FOLDERS: z.union([z.literal(''), z.string().regex(TARGET_FOLDERS)]).optional(),
});

/** What the worker is told by its environment. */
export type WorkerConfiguration = z.infer<typeof environmentSchema>;

/** The worker's configuration. A missing or wrong variable is named; values are never printed. */
export function readConfiguration(environment: NodeJS.ProcessEnv): WorkerConfiguration {
  const parsed = environmentSchema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The worker's environment is not usable: ${problems.join('; ')}`);
}

/**
 * How Temporal is reached: TLS, API key and metadata by the variables that Temporal's own tools know. No file of those
 * tools is read: what a process does is told by its environment alone.
 */
export function temporalConnection(environment: NodeJS.ProcessEnv): ClientConnectConfig['connectionOptions'] {
  const given = Object.entries(environment).flatMap(([name, value]) =>
    value ? [[name, value] as const] : [],
  );
  const { connectionOptions } = loadClientConnectConfig({
    disableFile: true,
    overrideEnvVars: Object.fromEntries(given),
  });
  return { ...connectionOptions, address: readConfiguration(environment).TEMPORAL_ADDRESS };
}

/** The keys the worker holds: none of them can sign. */
export interface WorkerKeys {
  readonly verificationKeys: CompactVerifyGetKey;
  readonly sealingKeys: SealingKeys;
  readonly identityKey: Uint8Array;
}

const verificationSchema = z.object({
  keys: z
    .array(
      z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), kid: z.string().min(1) }),
    )
    .min(1),
});
const sealingSchema = z.object({
  keys: z.array(z.object({ kty: z.literal('oct'), k: z.string().length(43), kid: z.string().min(1) })).min(1),
});

/** Reads the key files. */
export async function readKeys(configuration: WorkerConfiguration): Promise<WorkerKeys> {
  const verification = verificationSchema.parse(await readJson(configuration.KEYTURN_VERIFICATION_KEYS));
  const sealing = sealingSchema.parse(await readJson(configuration.KEYTURN_SEALING_KEYS));
  const [first, ...older] = sealing.keys.map(({ kid, k }) => ({ kid, secret: Buffer.from(k, 'base64url') }));
  if (!first) throw new Error('There is no sealing key.');
  const identityHex = (await readFile(configuration.KEYTURN_IDENTITY_KEY, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(identityHex)) throw new Error('The identity key must be 64 hex digits.');
  return {
    verificationKeys: createLocalJWKSet(verification),
    sealingKeys: [first, ...older],
    identityKey: Buffer.from(identityHex, 'hex'),
  };
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}
