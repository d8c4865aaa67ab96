import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';

/** Why a token is refused, for the log, the metric and the caller. */
const FAULTS = {
  no_token: 'This needs a bearer token (Authorization header).',
  scheme: 'The Authorization header does not use the Bearer scheme. Use Bearer.',
  malformed:
    'The bearer token is not a readable signed JWT, or there are several Authorization headers: send one.',
  unknown_issuer: 'This API is not configured for the issuer of the token.',
  algorithm: 'The token is signed with an algorithm that is not allowed for its issuer.',
  unknown_key: 'The token is signed with a key that its issuer does not publish.',
  signature: 'The signature of the token is wrong.',
  expired: 'The token has expired.',
  not_yet_valid: 'The token is not valid yet.',
  audience: 'The token is for another audience than this API.',
  kind: 'This is not a bearer access token: it is a token of another kind, or bound to a key.',
  missing_claim: 'The token lacks a required claim',
  unreadable_claim: 'The token has a claim of an unexpected form',
  nonce: 'The token answers another sign-in than this one.',
  api_key:
    'There is no such API key: it was never made, has expired, was revoked, or its agent or who made it was deactivated or is gone. Ask the owner of the agent for another.',
  session_ended: 'The session has ended: sign in again.',
  several_sessions: 'There are several session cookies: delete the cookies of this site and sign in again.',
  unknown_actors: 'The token names actors of another issuer, or too many.',
} as const;

/** One of the reasons to refuse a token. */
export type TokenFault = keyof typeof FAULTS;

/** What is known of a refused token. Never the token itself. */
export interface TokenRefusal {
  readonly fault: TokenFault;
  /** A claim that says who or what is meant, for the log only. */
  readonly found?: string | undefined;
}

const FOUND_LENGTH_MAX = 200;

/**
 * Refuses a token (`unauthenticated`), saying why: its holder can read it anyway, and a forger learns nothing that the
 * issuer does not publish. `claim` is a name that the issuer's configuration or a standard gives.
 */
export function refusedToken(
  fault: TokenFault,
  { claim, found }: { readonly claim?: string; readonly found?: string } = {},
): KeyturnError {
  const said = FAULTS[fault];
  const message = claim === undefined ? said : `${said}: ${claim}.`;
  const token = { fault, found: found?.slice(0, FOUND_LENGTH_MAX) ?? claim };
  return new KeyturnError('unauthenticated', message, { token });
}

/** What is known of the token that an error refuses, or null where it refuses something else. */
export function tokenRefusalOf(error: unknown): TokenRefusal | null {
  const refusal = isKeyturnError(error) ? error.facts['token'] : undefined;
  return (refusal as TokenRefusal | undefined) ?? null;
}

/**
 * The `WWW-Authenticate` of a refusal (RFC 6750 section 3, RFC 9728 section 5.1): without a token it only says where to
 * learn how to get one.
 */
export function challengeOf(refusal: KeyturnError, metadataUrl: string): string {
  const fault = tokenRefusalOf(refusal)?.fault ?? 'no_token';
  const parameters = {
    ...(fault !== 'no_token' && { error: 'invalid_token', error_description: refusal.message }),
    resource_metadata: metadataUrl,
  };
  // No quoting inside: what a header may hold is printable ASCII (RFC 6750 section 3).
  const quoted = Object.entries(parameters).map(
    ([name, value]) => `${name}="${value.replaceAll(/[^ !#-[\]-~]/g, '?')}"`,
  );
  return `Bearer ${quoted.join(', ')}`;
}
