import { z } from 'zod';

import { NAMES } from './names.ts';
import { text } from './values.ts';

/** Who a token speaks for. */
export const identitySchema = z
  .object({
    issuer: z.string().min(1).max(2048).describe('The `iss` of its tokens, a URL'),
    subject: z.string().min(1).max(512).describe('The `sub` of its tokens'),
  })
  .describe('An account: who a token speaks for')
  .register(NAMES, { id: 'Identity' });

/** An account as it is stored. */
export const accountSchema = z
  .object({ issuer: text('The `iss` of its tokens, a URL'), subject: text('The `sub` of its tokens') })
  .describe('An account as it is stored')
  .register(NAMES, { id: 'Account' });

/** Everybody behind a request. */
export const lineageSchema = z.array(
  identitySchema
    .extend({
      role: z
        .enum(['requester', 'owner', 'on_behalf_of', 'trigger', 'editor', 'key_maker'])
        .describe('What it has to do with the request'),
      is_declared: z
        .literal(true)
        .exactOptional()
        .describe(
          'Only the caller says so, or another issuer than its own: no token proves it. Absent: proven',
        ),
    })
    .describe('An account behind a request')
    .register(NAMES, { id: 'LineageIdentity' }),
);

/** The same as people read it: with the names that the directory has. Names can be changed, and be alike. */
export const namedLineageSchema = z
  .array(
    lineageSchema.element
      .extend({
        name: text('Name in the directory. Absent: not known there, or not for this reader').optional(),
        kind: z.enum(['person', 'agent']).optional().describe('What the directory knows it as'),
      })
      .describe('An account behind a request, with its name')
      .register(NAMES, { id: 'LineageMember' }),
  )
  .describe('Everybody behind the request: none of them may approve it');
