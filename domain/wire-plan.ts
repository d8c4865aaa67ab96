import { z } from 'zod';

import { jsonValueSchema } from './wire-json.ts';

const rowValues = z.record(z.string(), jsonValueSchema);

/** A plan as reviewers see it. */
export const planSchema = z
  .object({
    connector: z.string(),
    summary: z.string(),
    operation: z.string(),
    effects: z.array(
      z.object({
        resource: z.string(),
        inserted: z.int(),
        updated: z.int(),
        deleted: z.int(),
        rows: z.array(
          z.object({ key: z.string(), before: rowValues.nullable(), after: rowValues.nullable() }),
        ),
        columns: z.array(z.string()).optional(),
        cause: z.enum(['statement', 'function', 'cascade', 'trigger']).optional(),
        sample: z.object({ of: z.int(), first_key: z.string(), last_key: z.string() }).optional(),
        rows_before: z.int().optional(),
        is_move: z.boolean().optional(),
        assigned_columns: z.array(z.string()),
        is_counts_only: z.boolean(),
      }),
    ),
    warnings: z.array(z.string()),
    risk_facts: z.object({
      rows_changed: z.int(),
      resources_changed: z.int(),
      is_destructive: z.boolean(),
      is_fully_previewed: z.boolean(),
      is_reversible: z.boolean(),
      is_loosening: z.boolean().optional(),
    }),
    reversal: z.object({ is_possible: z.boolean(), how: z.string(), steps: z.array(z.string()).optional() }),
    fingerprint: z.string(),
    locks_held_ms: z.int(),
    sequence_values_used: z.int().optional(),
  })
  .describe(
    'What a dry run found that it would do. For reviewers; for those behind the request once it is approved',
  );
