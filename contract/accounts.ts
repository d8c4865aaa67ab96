import { z } from 'zod';

import { identitySchema } from './lineage.ts';
import { NAMES } from './names.ts';
import { flag, instant, text, texts } from './values.ts';

const sourceSchema = z
  .object({
    authority: text(
      '`file`: the directory file of the policy. `scim:NAME`: a provisioning client. `links`: the person, who linked the account',
    ),
    since: instant('Since when it has said so'),
  })
  .describe('Who says that the account is the person’s')
  .register(NAMES, { id: 'AccountSource' });

const heldAccountSchema = z
  .object({
    identity: identitySchema,
    is_current: flag('The session of this call was begun with it'),
    sources: z.array(sourceSchema).describe('Who says so, at least one'),
    link: text('Id of the link. Null: the person did not link it').nullable(),
  })
  .describe('An account that a person signs in with')
  .register(NAMES, { id: 'PersonAccount' });

export const accountLinkSchema = z
  .object({
    id: text('Id of the link: `lnk_` and 26 characters'),
    person: text('Id of the person whose account it is'),
    identity: identitySchema.describe('The account that was linked'),
    session: text('Id of the session in which the person linked it'),
    linked_at: instant('When it was linked'),
    unlinked_at: instant('When the link was removed').nullable(),
    unlinked_by: text('Id of the person who removed it: its own, or an operator').nullable(),
  })
  .describe('A link of an account to a person')
  .register(NAMES, { id: 'AccountLink' });

/** GET /v1/accounts */
export const accountsQuerySchema = z.strictObject({
  person: z
    .string()
    .max(256)
    .regex(/^\P{Cc}+$/u, 'must have no control characters')
    .optional()
    .describe('Id of a person in the directory (operators). Without it: who calls'),
});

export const accountListSchema = z
  .object({
    items: z.array(heldAccountSchema).describe('The accounts of the person now'),
    links: z.array(accountLinkSchema).describe('All links that were ever made, the newest first'),
    issuers: texts(
      'Issuers at which people sign in with a browser here: an account to link is of one of them',
    ),
  })
  .describe('The accounts of a person')
  .register(NAMES, { id: 'AccountList' });

/** POST /v1/account-links */
export const beginAccountLinkBodySchema = z
  .strictObject({
    issuer: z.string().min(1).max(2_048).describe('Where the other account signs in, of `issuers`'),
  })
  .describe('A link to begin')
  .register(NAMES, { id: 'BeginAccountLinkBody' });

const signedInAccountSchema = identitySchema
  .extend({
    shown_as: text('What the identity provider calls the account, in words of its own').nullable(),
  })
  .describe('The account that signed in')
  .register(NAMES, { id: 'SignedInAccount' });

export const begunAccountLinkSchema = z
  .object({
    id: text('Id of the link: `lnk_` and 26 characters'),
    person: text('Id of the person to whom the account is to be linked'),
    name: text('Name of the person'),
    own: identitySchema.describe('The account of the session'),
    issuer: text('Where the other account signs in'),
    account: signedInAccountSchema.nullable().describe('Null: nobody signed in yet'),
    address: text('Where the browser goes to sign in with the other account'),
    expires_at: instant('Until when it can be confirmed'),
  })
  .describe('A link that was begun, and is not made yet')
  .register(NAMES, { id: 'BegunAccountLink' });

export type AccountList = z.infer<typeof accountListSchema>;
export type AccountLinkView = z.infer<typeof accountLinkSchema>;
export type BegunAccountLink = z.infer<typeof begunAccountLinkSchema>;
