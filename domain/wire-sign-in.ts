import { z } from 'zod';

/** How a person signs in with a program: at which issuer, as which client, and what to ask it for. */
export const signInSchema = z.object({
  issuer: z.string(),
  client_id: z.string(),
  scope: z.string(),
  /** Sent to the issuer under this name, where it wants to know what the token is for. */
  audience: z.string().nullable(),
  /** The same in the words of RFC 8707. */
  resource: z.string().nullable(),
});

/** What anybody may know of how to get a token (RFC 9728). */
export const protectedResourceSchema = z.object({
  resource: z.string(),
  resource_name: z.string(),
  authorization_servers: z.array(z.string()),
  scopes_supported: z.array(z.string()),
  bearer_methods_supported: z.array(z.string()),
  keyturn_sign_in: z.array(signInSchema),
});

/** How a person signs in with a program. */
export type SignIn = z.infer<typeof signInSchema>;

/** What anybody may know of how to get a token. */
export type ProtectedResource = z.infer<typeof protectedResourceSchema>;
