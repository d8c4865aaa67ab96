import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { KeyturnError } from '../../../domain/errors.ts';
import { identityKey } from '../../../domain/identity.ts';
import { ApiContext } from '../context.ts';
import { callerOf, type AuthenticatedRequest, type Caller, type CallerGround } from './caller.ts';
import { seeClaims } from './see-claims.ts';

const PUBLIC = 'keyturn:public';

/** Marks a route that needs no token. */
export const Public = () => SetMetadata(PUBLIC, true);

/** Lets only verified tokens in, and each identity only so often. */
@Injectable()
export class TokenGuard implements CanActivate {
  readonly #context: ApiContext;
  readonly #reflector: Reflector;

  constructor(context: ApiContext, reflector: Reflector) {
    this.#context = context;
    this.#reflector = reflector;
  }

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    if (this.#reflector.getAllAndOverride<boolean>(PUBLIC, [execution.getHandler(), execution.getClass()]))
      return true;
    const request = execution.switchToHttp().getRequest<AuthenticatedRequest>();
    request.caller = await authenticate(this.#context, request);
    return true;
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
  if (principal.expiresAt.getTime() <= Date.now())
    throw new KeyturnError('unauthenticated', 'The token ended before the call did.');
  return callerOf(principal, await callerGround(context));
}

/** Failed attempts are counted by address, so that guessing is slow. */
async function verify(context: ApiContext, request: AuthenticatedRequest): Promise<Caller['principal']> {
  try {
    return await context.tokens.verify(bearerOf(request));
  } catch (error) {
    context.limiter.admit(`address:${request.socket.remoteAddress ?? ''}`);
    throw error;
  }
}

function bearerOf(request: AuthenticatedRequest): string {
  const match = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '');
  if (!match?.[1])
    throw new KeyturnError('unauthenticated', 'This needs a bearer token (Authorization header).');
  return match[1];
}

/** The active policy and the directory of now. Without a policy nothing can be judged, so nothing is answered. */
export async function callerGround(context: ApiContext): Promise<CallerGround> {
  const { policy, directory } = await context.ground.now(context.source.manager);
  if (!policy) throw new KeyturnError('unavailable', 'No policy is installed yet.');
  return { policy, directory: directory.directory, directoryGeneration: directory.generation };
}
