import { z } from 'zod';

import { readEnvironment } from './environment.ts';

/** What clients and server prepare alike: of others they may make different things. */
const password = z.string().regex(/^[ -~]+$/, 'takes printable ASCII characters only');

const VARIABLES = z.object({
  KEYTURN_DATABASE_URL: z.string().min(1),
  KEYTURN_API_PASSWORD: password,
  KEYTURN_WORKER_PASSWORD: password,
});

/** What the program that prepares a database reads. */
export function readMigration(environment: NodeJS.ProcessEnv): z.infer<typeof VARIABLES> {
  return readEnvironment(environment, VARIABLES);
}
