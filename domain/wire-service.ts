import { z } from 'zod';

import { jsonValueSchema } from './wire-json.ts';

/** What the HTTP interface says of itself (see wire.ts). */

/** GET /openapi.json */
export const openApiSchema = z.record(z.string(), jsonValueSchema);

/** GET /healthz and GET /readyz */
export const healthSchema = z.object({
  status: z.enum(['ok', 'unavailable', 'draining']),
  checks: z.record(z.string(), z.string()).optional(),
});
