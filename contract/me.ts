import { z } from 'zod';

import { identitySchema, lineageSchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { flag, logInstant, text } from './values.ts';

const whyNotSchema = z
  .object({ code: text('The code that a decision would be refused with'), detail: text('Why, for people') })
  .describe('Why this token may not decide')
  .register(NAMES, { id: 'MeWhyNot' });

/** GET /v1/me: who the caller is, and what may be done with this token. */
export const meSchema = z
  .object({
    kind: z
      .enum(['person', 'agent', 'unknown'])
      .describe('unknown: the directory has neither a person nor an agent with this account'),
    identity: identitySchema.describe(
      'The account that asks: the actor of a delegated token, else its subject',
    ),
    id: z.string().nullable().describe('Id in the directory. Null: not there'),
    name: z.string().nullable().describe('Name in the directory. Null: not there'),
    is_active: flag('Active in the directory'),
    owner: z.string().nullable().describe('Of an agent: id of the person who answers for it'),
    accounts: z
      .array(identitySchema)
      .describe('Of a person who signed in herself: all accounts that count as one'),
    groups: z
      .array(z.string())
      .describe('Of a person who signed in herself: ids of groups, groups within groups included'),
    is_operator: flag('May engage kill switches and read the audit log'),
    is_auditor: flag('May read every request that is not their own, and the audit log'),
    may_decide: flag('With this token, on requests that ask for this person'),
    why_not: whyNotSchema.nullable().describe('Null where it may'),
    behind: lineageSchema.describe('Whom the token names beside the account that asks'),
    client: z.string().nullable().describe('The client that got the token, where the token says so'),
    scopes: z.array(z.string()).describe('Scopes of the token'),
    expires_at: logInstant('When the token ends'),
    server_time: logInstant("The server's clock"),
    version: text('Version of the API program'),
  })
  .describe('Who the caller is')
  .register(NAMES, { id: 'Me' });

/** Who the caller is. */
export type Me = z.infer<typeof meSchema>;
