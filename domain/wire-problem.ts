import { z } from 'zod';

/** An error (RFC 9457). `code` is stable; words may change. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  instance: z.string().optional(),
  request_id: z.string().optional().describe('What X-Request-Id says, too'),
  errors: z
    .array(
      z.object({ path: z.string().describe('JSON Pointer into the body or the query'), message: z.string() }),
    )
    .optional(),
});

/** An error, as it is answered. */
export type Problem = z.infer<typeof problemSchema>;
