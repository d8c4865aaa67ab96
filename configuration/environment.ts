import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';

import { BUDGET_VARIABLES } from '../domain/execution/budgets.ts';

/** A port of this machine; 0 takes any that is free. */
export const port = z.coerce.number().int().min(0).max(65_535);

/** Variables that API and worker read, and mean the same by. */
export const PROCESS_VARIABLES = {
  KEYTURN_DATABASE_URL: z.string().min(1),
  TEMPORAL_ADDRESS: z.string().min(1).default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  KEYTURN_TASK_QUEUE: z.string().min(1).default('keyturn'),
  KEYTURN_VERIFICATION_KEYS: z.string().min(1),
  KEYTURN_SEALING_KEYS: z.string().min(1),
  KEYTURN_IDENTITY_KEY: z.string().min(1),
  KEYTURN_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  ...BUDGET_VARIABLES,
};

/** Reads variables. Throws with the names of all that are missing or wrong, never with their values. */
export function readEnvironment<Variables>(
  environment: NodeJS.ProcessEnv,
  schema: z.ZodType<Variables>,
): Variables {
  const given = withoutEmpty(environment);
  const { data, error } = schema.safeParse(given);
  if (error === undefined) return data;
  const problems = error.issues.map(({ path, message }) => {
    const name = path.map(String).join('.');
    return `${name}: ${name in given ? message : 'is missing'}`;
  });
  throw new Error(`Bad environment. ${problems.join('; ')}`);
}

/**
 * How Temporal is reached: TLS, API key and metadata by the variables that Temporal's own tools know. No file of those
 * tools is read: what a process does is said by its environment alone.
 */
export function temporalConnection(environment: NodeJS.ProcessEnv): ClientConnectConfig['connectionOptions'] {
  return loadClientConnectConfig({ disableFile: true, overrideEnvVars: withoutEmpty(environment) })
    .connectionOptions;
}

/** A variable set to nothing is a variable not set: compose files write `NAME=${NAME:-}`. */
function withoutEmpty(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}
