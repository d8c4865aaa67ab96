import { z } from 'zod';

import { identitySchema, lineageSchema } from './wire-lineage.ts';

/** GET /v1/me: who the caller is, and what may be done with this token. */
export const meSchema = z.object({
  kind: z
    .enum(['person', 'agent', 'unknown'])
    .describe('unknown: the directory has neither a person nor an agent with this account'),
  identity: identitySchema.describe(
    'The account that asks: the actor of a delegated token, else its subject',
  ),
  id: z.string().nullable().describe('In the directory'),
  name: z.string().nullable(),
  is_active: z.boolean(),
  owner: z.string().nullable().describe('Of an agent: the person who answers for it'),
  accounts: z
    .array(identitySchema)
    .describe('Of a person who signed in herself: all accounts that count as one'),
  groups: z.array(z.string()).describe('Of a person who signed in herself, groups within groups included'),
  is_operator: z.boolean(),
  may_decide: z.boolean().describe('With this token, on requests that ask for this person'),
  why_not: z.object({ code: z.string(), detail: z.string() }).nullable(),
  behind: lineageSchema.describe('Whom the token names beside the account that asks'),
  client: z.string().nullable(),
  scopes: z.array(z.string()),
  expires_at: z.iso.datetime().describe('When the token ends'),
  server_time: z.string(),
  version: z.string().describe('Of the API'),
});

/** Who the caller is. */
export type Me = z.infer<typeof meSchema>;
