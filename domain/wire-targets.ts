import { z } from 'zod';

import { cursorQuery, limitQuery } from './wire.ts';

const name = z.string().min(1).max(200);

/** GET /v1/targets */
export const targetsQuerySchema = z.strictObject({
  environment: name.optional(),
  action: name.optional().describe('Only those that this action acts on'),
  limit: limitQuery.optional(),
  cursor: cursorQuery.optional(),
});

/** What actions act on, by id. */
export const targetPageSchema = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      environment: z.string(),
      resource_type: z.string(),
      actions: z.array(z.string()).describe('What may be asked for on it'),
      owners: z
        .array(z.string())
        .optional()
        .describe('Only for people of the directory, like tags and data_class'),
      tags: z.array(z.string()).optional(),
      data_class: z.string().optional(),
    }),
  ),
  next_cursor: z.string().nullable(),
});

/** A page of targets. */
export type TargetPage = z.infer<typeof targetPageSchema>;
