import * as oidc from 'openid-client';

import { KeyturnError } from '../../../domain/errors.ts';
import { currentCaller } from '../auth/authenticate.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import { principalOfSignIn } from '../auth/principal.ts';
import { seeClaims } from '../auth/see-claims.ts';
import type { SeenClaims } from '../auth/seen-claims.ts';
import type { Issuer } from '../../../configuration/issuers.ts';
import type { ApiContext } from '../context.ts';
import { callbackOf } from './begin.ts';
import type { Pending } from './pending.ts';
import type { SignInProvider } from './providers.ts';

/** How long a session lasts at most. */
export const SESSION_MS = 12 * 3_600_000;

/** Who has signed in. */
export interface SignedInPerson {
  readonly caller: Caller;
  readonly providerSubject: string;
  /** When the person proved to the provider who they are; null where nobody says. */
  readonly authenticatedAt: string | null;
  /** The session at the provider, where it names one. */
  readonly providerSession: string | null;
}

/** What a sign-in is finished with. */
export interface Finishing {
  readonly provider: SignInProvider;
  readonly pending: Pending;
  /** The query of the callback, as it came. */
  readonly query: string;
  readonly seen: SeenClaims;
}

/**
 * Exchanges the code of a callback for an ID token, and finds out whose it is. Refuses whatever does not answer this very
 * sign-in, machines, and people whom the directory does not have. The access token that comes along is not used.
 */
export async function finishSignIn(context: ApiContext, finishing: Finishing): Promise<SignedInPerson> {
  const { provider, pending, seen } = finishing;
  const claims = await provider.idTokens.verify(await exchange(context, finishing), pending.nonce);
  const principal = principalOfSignIn(claims, provider.issuer, new Date(Date.now() + SESSION_MS));
  const caller = await currentCaller(context, principal);
  reviewerOf(caller);
  await seeClaims(context, seen, caller);
  const { sub, sid } = claims;
  return {
    caller,
    authenticatedAt: authenticatedAt(claims['auth_time'], provider.issuer),
    providerSubject: sub,
    providerSession: typeof sid === 'string' ? sid : null,
  };
}

/**
 * The provider's word alone: it may go by a session of its own, and the browser that carries our wish to ask the person
 * can leave that wish out.
 */
export function authenticatedAt(
  time: unknown,
  { clock_tolerance_seconds: tolerance }: Issuer,
): string | null {
  const now = Date.now();
  const at = Number(time) * 1_000;
  if (!Number.isSafeInteger(time) || at < 0 || at > now + tolerance * 1_000) return null;
  return new Date(Math.min(at, now)).toISOString();
}

/** The library holds `state` and `iss` (RFC 9207) against what was begun, and checks the ID token once itself. */
export async function exchange(
  { settings, log }: ApiContext,
  { provider, pending, query }: Pick<Finishing, 'provider' | 'pending' | 'query'>,
): Promise<string> {
  const answer = new URL(callbackOf(settings));
  answer.search = query;
  try {
    const tokens = await oidc.authorizationCodeGrant(provider.client, answer, {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
    });
    if (tokens.id_token !== undefined) return tokens.id_token;
    throw new Error('the answer has no ID token');
  } catch (error) {
    const why = reasonOf(error);
    log.warn({ issuer: provider.issuer.issuer, why }, 'a sign-in was refused');
    throw new KeyturnError(
      'unauthenticated',
      `The identity provider's answer was not accepted (${why}). Sign in again.`,
    );
  }
}

/** A code of the protocol or of the library, never a text that came from outside. */
function reasonOf(error: unknown): string {
  if (error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError)
    return /^[a-z_]{1,64}$/.test(error.error) ? error.error : 'refused';
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return typeof code === 'string' ? code : String(message);
}
