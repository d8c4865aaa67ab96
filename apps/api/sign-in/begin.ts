import * as oidc from 'openid-client';

import type { ApiContext } from '../context.ts';
import { sealPending } from './pending.ts';
import type { SignInProvider } from './providers.ts';

/** Where the browser goes, and the cookie that it brings back. */
export interface Beginning {
  readonly location: string;
  readonly cookie: string;
}

/** A sign-in that proves a decision: for what the provider is to answer, and where the browser goes afterwards. */
export interface ProvingSignIn {
  readonly proof: string;
  readonly nonce: string;
  readonly returnTo: string;
}

interface BeginOptions {
  readonly returnTo: string;
  readonly isRenewal: boolean;
  readonly isFresh: boolean;
  /** What the provider is to answer, of a sign-in that proves a decision; any other one's is random. */
  readonly proving?: ProvingSignIn;
  /** Of a sign-in with an account that is to be linked: the link. */
  readonly link?: string;
  /** Further parameters for the provider. */
  readonly more: Readonly<Record<string, string>>;
}

/** Begins a sign-in: authorization code with PKCE (RFC 7636), state and nonce. */
export async function beginSignIn(
  { settings, keys }: Pick<ApiContext, 'settings' | 'keys'>,
  { issuer, client }: SignInProvider,
  { returnTo, isRenewal, isFresh, proving, link, more }: BeginOptions,
): Promise<Beginning> {
  const [state, verifier] = [oidc.randomState(), oidc.randomPKCECodeVerifier()];
  const nonce = proving?.nonce ?? oidc.randomNonce();
  const location = oidc.buildAuthorizationUrl(client, {
    response_type: 'code',
    redirect_uri: callbackOf(settings),
    scope: issuer.console.scope,
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    // The provider shows nothing: either the person is signed in there, or it says no.
    ...(isRenewal && { prompt: 'none' }),
    // With an age asked for the provider must say when it asked the person (`auth_time`, OpenID Connect Core 3.1.2.1).
    ...(isFresh && { prompt: 'login', max_age: '0' }),
    ...more,
  });
  const pending = {
    issuer: issuer.issuer,
    state,
    nonce,
    verifier,
    return_to: returnTo,
    is_renewal: isRenewal,
    proof: proving?.proof ?? null,
    link: link ?? null,
  };
  return { location: location.href, cookie: await sealPending(keys.identity, pending) };
}

/** Where the provider sends the browser back to. */
export function callbackOf({ publicUrl }: ApiContext['settings']): string {
  return `${publicUrl}/sign-in/callback`;
}

/**
 * A path of this API to go to after a sign-in: `/` for whatever could lead elsewhere. It is appended to the public URL, so that
 * not even `//elsewhere` does.
 */
export function localPath(wanted: unknown): string {
  const isLocal = typeof wanted === 'string' && /^\/(?![/\\])[!-~]{0,2000}$/.test(wanted);
  return isLocal && !wanted.includes('\\') ? wanted : '/';
}
