import { z } from 'zod';

import { jsonValueSchema } from './wire-json.ts';
import { modeSchema } from './wire.ts';

/** GET /v1/actions: what may be asked for, and where. */
export const actionsSchema = z.object({
  items: z.array(
    z.object({
      action: z.string(),
      title: z.string(),
      mode: modeSchema.describe('The `mode` that a request for it must name'),
      schema_version: z.int(),
      arguments: z.record(z.string(), jsonValueSchema).describe('JSON Schema 2020-12'),
      targets: z.array(z.object({ id: z.string(), title: z.string(), environment: z.string() })),
    }),
  ),
});

export type ActionCatalogue = z.infer<typeof actionsSchema>;
