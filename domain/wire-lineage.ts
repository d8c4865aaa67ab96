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

/** The same as people read it: with the names that the directory has. Names can be changed, and be alike. */
export const namedLineageSchema = z.array(
  lineageSchema.element.extend({
    name: z.string().optional().describe('In the directory. Absent: not known there, or not for this reader'),
    kind: z.enum(['person', 'agent']).optional().describe('What the directory knows it as'),
  }),
);
