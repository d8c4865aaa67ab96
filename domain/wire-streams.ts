import { z } from 'zod';

import { cursorQuery, limitQuery } from './wire.ts';

/** The bodies and answers of the HTTP interface about the streams of the audit log that belong to no request (see wire.ts). */

/** What governs everybody is on record in streams of its own. */
export const GOVERNING_STREAMS = ['policy', 'proposals', 'switches', 'directory'] as const;

export const streamNameSchema = z.enum(GOVERNING_STREAMS);

/** GET /v1/audit/:stream */
export const streamQuerySchema = z.strictObject({
  limit: limitQuery.optional(),
  cursor: cursorQuery.optional(),
});

/** What the database says beside the log; only of the stream that is asked for. */
const streamStateSchema = z.object({
  policy: z.object({ digest: z.string(), generation: z.int() }).nullable().optional(),
  policy_sets: z
    .array(z.object({ digest: z.string(), is_intact: z.boolean() }))
    .optional()
    .describe('Every stored policy, and whether it is what its digest names'),
  proposals: z.array(z.string()).optional().describe('Digests of all policies that were proposed'),
  switches: z
    .array(
      z.object({
        id: z.string(),
        is_engaged: z.boolean(),
        scope: z.object({ kind: z.string(), value: z.string().nullable() }).optional(),
        account: z.object({ issuer: z.string(), subject: z.string() }).nullable().optional(),
        reason: z.string().optional(),
        thrown_at: z.iso.datetime({ offset: true }).optional(),
        salts: z
          .record(z.string(), z.string())
          .optional()
          .describe('What the entry that engaged it committed with, by part'),
      }),
    )
    .optional()
    .describe('Every kill switch that there ever was'),
});

export const streamPageSchema = z.object({
  items: z.array(z.string()).describe('The exact bytes of each audit entry, oldest first'),
  next_cursor: z.string().nullable(),
  state: streamStateSchema.nullable().describe('With the last page, of the same moment; null before'),
});

export type GoverningStream = (typeof GOVERNING_STREAMS)[number];
export type StreamPage = z.infer<typeof streamPageSchema>;
export type StreamState = z.infer<typeof streamStateSchema>;
