import { Injectable } from '@nestjs/common';
import type { Response } from 'express';

import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import { ApiContext } from '../context.ts';
import { callerOf, type AuthenticatedRequest, type Caller, type CallerSnapshot } from './caller.ts';
import { isApiKey, KeyVerifier } from './key-verifier.ts';
import type { Principal } from './principal.ts';
import { metadataUrl } from './protected-resource.ts';
import { refuseEnded, SessionVerifier } from './session-verifier.ts';
import { seeClaims } from './see-claims.ts';
import { SeenClaims } from './seen-claims.ts';
import { challengeOf, refusedToken, tokenRefusalOf } from './token-refusal.ts';
import { TokenVerifier } from './token-verifier.ts';

/** Lets only verified tokens, live sessions and live API keys in, and each identity only so often. */
@Injectable()
export class CallerDoor {
  readonly #context: ApiContext;
  readonly #tokens: TokenVerifier;
  readonly #keys: KeyVerifier;
  readonly #sessions: SessionVerifier;
  readonly #seen = new SeenClaims();

  constructor(context: ApiContext, tokens: TokenVerifier, sessions: SessionVerifier) {
    this.#context = context;
    this.#tokens = tokens;
    this.#keys = new KeyVerifier(context);
    this.#sessions = sessions;
  }

  async admit(request: AuthenticatedRequest, response: Response): Promise<void> {
    try {
      request.caller = await this.#authenticated(request);
      request.payer = identityKey(request.caller.principal.identity);
    } catch (error) {
      if (isKeyturnError(error) && error.code === 'unauthenticated') {
        const metadata = metadataUrl(this.#context.settings);
        response.setHeader('WWW-Authenticate', challengeOf(error, metadata));
      }
      throw error;
    }
  }

  /** Pages are for everybody: calls are counted by address, as failed ones are, before anything of a body is read. */
  admitUnknown(request: AuthenticatedRequest): void {
    request.payer = `address:${request.ip ?? ''}`;
    this.#context.limits.calls.admit(request.payer);
  }

  async #authenticated(request: AuthenticatedRequest): Promise<Caller> {
    const principal = await this.#verified(request);
    this.#context.limits.calls.admit(identityKey(principal.identity));
    const caller = await currentCaller(this.#context, principal);
    const isChanged = await seeClaims(this.#context, this.#seen, caller);
    return isChanged ? currentCaller(this.#context, principal) : caller;
  }

  async #ofBearer(bearer: string): Promise<Principal> {
    return isApiKey(bearer) ? this.#keys.verify(bearer) : this.#tokens.verify(bearer);
  }

  /** Failed attempts are counted by address, so that guessing is slow. */
  async #verified(request: AuthenticatedRequest): Promise<Principal> {
    try {
      return (await this.#sessions.ofCall(request)) ?? (await this.#ofBearer(bearerOf(request)));
    } catch (error) {
      const { limits, metrics, log } = this.#context;
      limits.calls.admit(`address:${request.ip ?? ''}`);
      const { fault, found } = tokenRefusalOf(error) ?? {};
      if (fault) metrics.refusedTokens.inc({ fault });
      // Operators learn the reason, too. The token itself is never logged: it may be valid elsewhere.
      if (fault && fault !== 'no_token') log.warn({ fault, ...(found && { found }) }, 'a token was refused');
      throw error;
    }
  }
}

/**
 * The same caller against the current policy and directory. Refuses (`unauthenticated`) when the token has expired since, the
 * session has ended, or the API key was revoked.
 */
export async function refreshCaller(
  context: Pick<ApiContext, 'source' | 'snapshots'>,
  { principal }: Caller,
): Promise<Caller> {
  if (principal.expiresAt.getTime() <= Date.now()) throw refusedToken('expired');
  await refuseEnded(context, principal);
  return currentCaller(context, principal);
}

/** The caller of a principal now. Refuses a session whose account was given to somebody else. */
export async function currentCaller(
  context: Pick<ApiContext, 'source' | 'snapshots'>,
  principal: Principal,
): Promise<Caller> {
  const caller = callerOf(principal, await callerSnapshot(context));
  if (principal.session && caller.person?.id !== principal.session.person)
    throw refusedToken('session_ended');
  return caller;
}

function bearerOf(request: AuthenticatedRequest): string {
  const { authorization } = request.headers;
  if (authorization === undefined) throw refusedToken('no_token');
  // A server before this one may have checked the other.
  if (request.headersDistinct['authorization']?.length !== 1) throw refusedToken('malformed');
  const match = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization);
  if (!match?.[1]) throw refusedToken(/^Bearer\b/i.test(authorization) ? 'malformed' : 'scheme');
  return match[1];
}

/** The active policy and the current directory. Without a policy nothing can be evaluated, so nothing is answered. */
export async function callerSnapshot(
  context: Pick<ApiContext, 'source' | 'snapshots'>,
): Promise<CallerSnapshot> {
  const { policy, directory, directoryChangedAtMs } = await context.snapshots.now(context.source.manager);
  if (!policy) throw new KeyturnError('unavailable', 'No policy is installed yet.');
  const { generation: directoryGeneration } = directory;
  return { policy, directory: directory.directory, directoryGeneration, directoryChangedAtMs };
}
