import { z } from 'zod';

/** Who a token speaks for. */
export const identitySchema = z.object({
  issuer: z.string().min(1).max(2048),
  subject: z.string().min(1).max(512),
});

/** Everybody behind a request. */
export const lineageSchema = z.array(
  identitySchema.extend({
    role: z.enum(['requester', 'owner', 'on_behalf_of', 'trigger', 'editor']),
    is_declared: z
      .literal(true)
      .exactOptional()
      .describe(
        'Only the caller says so, or another issuer than its own: no token proves it. Absent: proven',
      ),
  }),
);
