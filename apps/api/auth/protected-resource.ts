import type { ProtectedResource, SignIn } from '../../../contract/sign-in.ts';
import type { ApiConfiguration } from '../../../configuration/programs.ts';
import type { Issuer } from '../../../configuration/issuers.ts';

/** Where anybody learns how to get a token (RFC 9728 section 3), below the address of the API. */
export const METADATA_PATH = '.well-known/oauth-protected-resource';

/** The address of that, as the caller can reach it. */
export function metadataUrl({ publicUrl }: ApiConfiguration): string {
  return `${publicUrl}/${METADATA_PATH}`;
}

/** What the API says of itself to those who have no token: which issuers people sign in at, and as which client. */
export function protectedResource(resource: string, issuers: Iterable<Issuer>): ProtectedResource {
  const signIns = [...issuers].flatMap(signInOf);
  return {
    resource,
    resource_name: 'Keyturn',
    authorization_servers: [...new Set(signIns.map(({ issuer }) => issuer))],
    scopes_supported: [...new Set(signIns.flatMap(({ scope }) => scope.split(' ')))],
    bearer_methods_supported: ['header'],
    keyturn_sign_in: signIns,
  };
}

function signInOf({ issuer, cli_client: client, sign_in: signIn = {} }: Issuer): readonly SignIn[] {
  if (client === undefined) return [];
  const { scope = 'openid', audience = null, resource = null } = signIn;
  return [{ issuer: signIn.issuer ?? issuer, client_id: client, scope, audience, resource }];
}
