import type { CompactVerifyGetKey } from 'jose';
import { z } from 'zod';

import { port, PROCESS_VARIABLES, readEnvironment } from '../../configuration/environment.ts';
import { readIdentityKey, readSealingKeys, readVerificationKeys } from '../../configuration/keys.ts';
import type { SealingKeys } from '../../domain/crypto/sealing.ts';
import { TARGET_FOLDERS } from '../../domain/policy/target-references.ts';

const environmentSchema = z.object({
  ...PROCESS_VARIABLES,
  KEYTURN_WORKER_HOST: z.string().min(1).default('127.0.0.1'),
  KEYTURN_WORKER_PORT: port.default(7081),
  /** Workflows kept in memory: an unset cap lets thousands of waiting requests fill the heap. */
  KEYTURN_CACHED_WORKFLOWS_MAX: z.coerce.number().int().min(0).default(200),
  KEYTURN_SWEEP_INTERVAL_SECONDS: z.coerce.number().int().positive().default(60),
  KEYTURN_ONCALL: z.string().optional(),
  /** Used where references are read (`activities/connectors/references.ts`); checked here, so that a mistake is seen at once. */
  KEYTURN_REFERENCE_FOLDERS: z.string().regex(TARGET_FOLDERS).optional(),
});

/** What the worker reads of its environment. */
export type WorkerConfiguration = z.infer<typeof environmentSchema>;

/** The worker's configuration. A missing or wrong variable is named; values are never printed. */
export function readConfiguration(environment: NodeJS.ProcessEnv): WorkerConfiguration {
  return readEnvironment(environment, environmentSchema);
}

/** The keys the worker holds: none of them can sign. */
export interface WorkerKeys {
  readonly verificationKeys: CompactVerifyGetKey;
  readonly sealingKeys: SealingKeys;
  readonly identityKey: Uint8Array;
}

/** Reads the key files. */
export async function readKeys(configuration: WorkerConfiguration): Promise<WorkerKeys> {
  const { verification } = await readVerificationKeys(configuration.KEYTURN_VERIFICATION_KEYS);
  return {
    verificationKeys: verification,
    sealingKeys: await readSealingKeys(configuration.KEYTURN_SEALING_KEYS),
    identityKey: await readIdentityKey(configuration.KEYTURN_IDENTITY_KEY),
  };
}
