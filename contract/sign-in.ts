import { z } from 'zod';

import { NAMES } from './names.ts';
import { text } from './values.ts';

/** How a person signs in with a program: at which issuer, as which client, and what to ask it for. */
export const signInSchema = z
  .object({
    issuer: text('The OpenID Connect issuer, a URL'),
    client_id: text('The client to sign in as'),
    scope: text('The scopes to ask for, with blanks between'),
    audience: text(
      'Sent to the issuer as `audience`, where it wants to know what the token is for. Null: not sent',
    ).nullable(),
    resource: z.string().nullable().describe('The same as `resource` (RFC 8707). Null: not sent'),
  })
  .describe('How a person signs in with a program')
  .register(NAMES, { id: 'SignIn' });

/** What anybody may know of how to get a token (RFC 9728). */
export const protectedResourceSchema = z
  .object({
    resource: text('URL of this API'),
    resource_name: text('Its name, for people'),
    authorization_servers: z.array(z.string()).describe('Issuers whose tokens are accepted, URLs'),
    scopes_supported: z.array(z.string()).describe('Scopes that mean something here'),
    bearer_methods_supported: z.array(z.string()).describe('How a token is sent: `header`'),
    keyturn_sign_in: z
      .array(signInSchema)
      .describe('For each issuer of people: how to sign in with a program'),
  })
  .describe('How to get a token (RFC 9728)')
  .register(NAMES, { id: 'ProtectedResource' });

/** How a person signs in with a program. */
export type SignIn = z.infer<typeof signInSchema>;

/** What anybody may know of how to get a token. */
export type ProtectedResource = z.infer<typeof protectedResourceSchema>;
