import { z } from 'zod';

import { mayFetchFrom } from './fetching.ts';
import type { SignInTerms } from '../domain/proof/decision-proof.ts';
import { mistakeIn, readYamlFile } from './files.ts';
import { SECRET_REFERENCE } from './references.ts';

/** Only asymmetric signatures: with `none` or a shared secret, a verifier could also forge tokens. */
const algorithm = z.enum([
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
]);
const url = z.url({ protocol: /^https?$/ });

/** The client with which people sign in with a browser. */
const consoleSchema = z
  .strictObject({
    client_id: z.string().min(1),
    authentication: z.enum(['none', 'client_secret_basic', 'client_secret_post']),
    secret: z.string().regex(SECRET_REFERENCE, 'must be a reference: env:NAME or file:PATH').optional(),
    scope: z
      .string()
      .default('openid')
      .refine((scope) => scope.split(' ').includes('openid'), 'must contain openid'),
    /** Names the account in ID tokens, where that is another claim than in access tokens. */
    subject: z.string().min(1).optional(),
    /** The operator's word that only people can sign in with this client: they need no scope to decide. */
    trust: z.literal('human'),
  })
  .refine(({ authentication, secret }) => (authentication === 'none') === (secret === undefined), {
    error: 'needs a secret, or `authentication: none`',
  });

const issuerSchema = z
  .strictObject({
    issuer: url,
    audience: z.string().min(1),
    algorithms: z.array(algorithm).min(1),
    jwks_uri: url.optional(),
    /** Where set, only tokens whose header says so are accepted. */
    token_type: z.literal('at+jwt').optional(),
    /** Clients of the operator's own with which people decide by token, and the scope that those tokens need. */
    human: z.strictObject({ clients: z.array(z.string().min(1)), scope: z.string().min(1) }).optional(),
    /** The client of `keyturn login`: people sign in with it, and its tokens never decide. */
    cli_client: z.string().min(1).optional(),
    console: consoleSchema.optional(),
    /** What that client requests from the issuer, where it is not `openid`. */
    sign_in: z
      .strictObject({
        /** Where people sign in, should tokens name another issuer than its discovery does. */
        issuer: url.optional(),
        scope: z.string().min(1).optional(),
        audience: z.string().min(1).optional(),
        resource: z.string().min(1).optional(),
      })
      .optional(),
    /** How far the clock of the issuer may lie from this one when a token begins and ends. */
    clock_tolerance_seconds: z.int().min(0).max(300).default(60),
    claims: z
      .strictObject({
        /** Names the client that got a token, where neither `azp` nor `client_id` does. */
        client: z.string().min(1).optional(),
        /** Names the account, where `sub` is another one for each client, or changes. */
        subject: z.string().min(1).optional(),
        trigger: z.string().min(1).optional(),
        /** Lists the groups of a person who signs in. */
        groups: z.string().min(1).optional(),
      })
      .optional(),
    /** Keys fetched in clear from another machine can be swapped on the way: only where the operator allows it. */
    allow_insecure_http: z.boolean().optional(),
  })
  .refine((entry) => mayFetchFrom(entry.jwks_uri ?? entry.issuer, entry), {
    error: 'needs https (or allow_insecure_http: true) beyond loopback',
  })
  // Else what the command line gets from the issuer would be for the audience of proofs of decisions.
  .refine(({ cli_client: cli, console }) => cli === undefined || cli !== console?.client_id, {
    error: '`cli_client` must be another client than that of `console`',
  });

const issuersSchema = z.strictObject({ issuers: z.array(issuerSchema).min(1) });

/** One trusted issuer of tokens. */
export type Issuer = z.infer<typeof issuerSchema>;

/** One at which people sign in with a browser. */
export type SignInIssuer = Issuer & { readonly console: NonNullable<Issuer['console']> };

/** True where people can. */
export function hasSignIn(issuer: Issuer): issuer is SignInIssuer {
  return issuer.console !== undefined;
}

/** The issuer as it calls itself in tokens for the client with which people sign in, and where the keys of these are. */
export function providerOf(issuer: SignInIssuer): SignInIssuer {
  const name = issuer.sign_in?.issuer ?? issuer.issuer;
  return name === issuer.issuer ? issuer : { ...issuer, issuer: name, jwks_uri: undefined };
}

/** All issuers at which people sign in, by the issuer of their accounts. */
export function signInTermsOf(issuers: ReadonlyMap<string, Issuer>): ReadonlyMap<string, SignInTerms> {
  return new Map(
    [...issuers.values()].filter(hasSignIn).map((issuer) => [issuer.issuer, trustedProviderOf(issuer)]),
  );
}

/** How people sign in at an issuer, as decisions by a fresh sign-in are held against it. Without keys, which change. */
export function trustedProviderOf(issuer: SignInIssuer): SignInTerms {
  const { console, claims, clock_tolerance_seconds: tolerance_seconds } = issuer;
  return {
    issuer: providerOf(issuer).issuer,
    client: console.client_id,
    subject_claim: console.subject ?? claims?.subject ?? 'sub',
    tolerance_seconds,
  };
}

/** Reads the trusted issuers, by their exact name. Throws when the file is wrong or names one twice. */
export async function readIssuers(path: string): Promise<ReadonlyMap<string, Issuer>> {
  const file = { variable: 'KEYTURN_ISSUERS', path };
  const { issuers } = await readYamlFile(file, issuersSchema);
  const byName = new Map(issuers.map((entry) => [entry.issuer, entry]));
  if (byName.size !== issuers.length) throw mistakeIn(file, 'names an issuer twice.');
  return byName;
}
