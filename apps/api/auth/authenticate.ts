import type { Response } from 'express';

import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import type { ApiContext } from '../context.ts';
import { callerOf, type AuthenticatedRequest, type Caller, type CallerGround } from './caller.ts';
import { metadataUrl } from './protected-resource.ts';
import { seeClaims } from './see-claims.ts';
import { challengeOf, refusedToken, tokenRefusalOf, type TokenRefusal } from './token-refusal.ts';

/** Lets only verified tokens in, and each identity only so often. */
export async function admitCaller(
  context: ApiContext,
  request: AuthenticatedRequest,
  response: Response,
): Promise<void> {
  try {
    request.caller = await authenticate(context, request);
  } catch (error) {
    if (isKeyturnError(error) && error.code === 'unauthenticated')
      response.setHeader('WWW-Authenticate', challengeOf(error, metadataUrl(context.settings, request)));
    throw error;
  }
}

async function authenticate(context: ApiContext, request: AuthenticatedRequest): Promise<Caller> {
  const principal = await verify(context, request);
  context.limiter.admit(identityKey(principal.identity));
  const caller = callerOf(principal, await callerGround(context));
  const isChanged = await seeClaims(context, caller);
  return isChanged ? callerOf(principal, await callerGround(context)) : caller;
}

/** The same caller against what holds now. Refuses (`unauthenticated`) where the token has ended meanwhile. */
export async function seenAnew(context: ApiContext, { principal }: Caller): Promise<Caller> {
  if (principal.expiresAt.getTime() <= Date.now()) throw refusedToken('expired');
  return callerOf(principal, await callerGround(context));
}

/** Failed attempts are counted by address, so that guessing is slow. */
async function verify(context: ApiContext, request: AuthenticatedRequest): Promise<Caller['principal']> {
  try {
    return await context.tokens.verify(bearerOf(request));
  } catch (error) {
    context.limiter.admit(`address:${request.socket.remoteAddress ?? ''}`);
    const refusal = tokenRefusalOf(error);
    if (refusal) noteRefused(context, refusal);
    throw error;
  }
}

/** Whoever operates this learns why, beside the caller. Never the token: it may be good elsewhere. */
function noteRefused({ metrics, log }: ApiContext, { fault, found }: TokenRefusal): void {
  metrics.refusedTokens.inc({ fault });
  if (fault !== 'no_token') log.warn({ fault, ...(found && { found }) }, 'a token was refused');
}

function bearerOf(request: AuthenticatedRequest): string {
  const { authorization } = request.headers;
  if (authorization === undefined) throw refusedToken('no_token');
  // A server before this one may have looked at the other.
  if (request.headersDistinct['authorization']?.length !== 1) throw refusedToken('malformed');
  const match = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization);
  if (!match?.[1]) throw refusedToken(/^Bearer\b/i.test(authorization) ? 'malformed' : 'scheme');
  return match[1];
}

/** The active policy and the directory of now. Without a policy nothing can be judged, so nothing is answered. */
export async function callerGround(context: ApiContext): Promise<CallerGround> {
  const { policy, directory } = await context.ground.now(context.source.manager);
  if (!policy) throw new KeyturnError('unavailable', 'No policy is installed yet.');
  return { policy, directory: directory.directory, directoryGeneration: directory.generation };
}
