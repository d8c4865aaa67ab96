import { z } from 'zod';

import { NAMES } from './names.ts';
import { jsonValueSchema } from '../domain/crypto/json.ts';

/** What the HTTP interface says of itself (see requests.ts). */

/** GET /openapi.json */
export const openApiSchema = z
  .record(z.string(), jsonValueSchema)
  .describe('An OpenAPI 3.1 document')
  .register(NAMES, { id: 'OpenApiDocument' });

/** GET /healthz and GET /readyz */
export const healthSchema = z
  .object({
    status: z
      .enum(['ok', 'unavailable', 'draining'])
      .describe('ok; unavailable: a check failed; draining: this process is about to end'),
    checks: z
      .record(z.string(), z.string())
      .optional()
      .describe('For `database` and `temporal`: `ok` or `unreachable`'),
  })
  .describe('How this process is')
  .register(NAMES, { id: 'Health' });
