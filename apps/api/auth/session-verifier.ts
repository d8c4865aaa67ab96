import type { IncomingMessage } from 'node:http';

import { Injectable } from '@nestjs/common';

import { isLiveKey } from '../../../database/api-keys.ts';
import { readLiveSession, useSession } from '../../../database/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { ApiContext } from '../context.ts';
import { hasSignIn } from '../../../configuration/issuers.ts';
import { principalOfSession, type Principal } from './principal.ts';
import {
  cookiesAt,
  cookieValues,
  digestOfSecret,
  isSecret,
  refuseForgery,
  type Cookies,
} from './session-cookie.ts';
import { refusedToken } from './token-refusal.ts';
import { TokenVerifier } from './token-verifier.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Turns session cookies into principals: each call asks the database, so that an end acts at once. */
@Injectable()
export class SessionVerifier {
  readonly #context: ApiContext;
  readonly #tokens: TokenVerifier;
  readonly cookies: Cookies;

  constructor(context: ApiContext, tokens: TokenVerifier) {
    this.#context = context;
    this.#tokens = tokens;
    this.cookies = cookiesAt(context.settings.publicUrl);
  }

  /** The secret in the session cookie of a call; null without one. Refuses several: one of them is somebody else's. */
  secretOf(request: IncomingMessage): string | null {
    const [secret, ...others] = cookieValues(request, this.cookies.session);
    if (others.length > 0) throw refusedToken('several_sessions');
    return secret || null;
  }

  /**
   * The principal of a call with a session cookie; null without one. Refuses a session that is over, a call that another
   * page may have made, and one with a token as well: nobody could say who is meant.
   */
  async ofCall(request: IncomingMessage): Promise<Principal | null> {
    const secret = this.secretOf(request);
    if (secret === null) return null;
    if (request.headers.authorization !== undefined)
      throw new KeyturnError(
        'invalid_request',
        'Send a session cookie or an Authorization header, not both.',
      );
    const { publicUrl } = this.#context.settings;
    if (!SAFE_METHODS.has(request.method ?? ''))
      refuseForgery(request, { publicUrl, secret, token: request.headers['x-csrf-token'] });
    const principal = await this.ofSecret(secret);
    if (!principal) throw refusedToken('session_ended');
    return principal;
  }

  /** The principal of a session by its secret; null when it is over, or its issuer no longer signs people in here. */
  async ofSecret(secret: string): Promise<Principal | null> {
    // What cannot be one costs no query.
    if (!isSecret(secret)) return null;
    const session = await useSession(this.#context.source.manager, digestOfSecret(secret));
    const issuer = this.#tokens.issuers().find((one) => one.issuer === session?.issuer);
    const isKnown = issuer && hasSignIn(issuer) && issuer.console.client_id === session?.client;
    return session && isKnown ? principalOfSession(session) : null;
  }
}

/** Refuses (`unauthenticated`) a session that has ended since, and an API key that no longer is one. */
export async function refuseEnded(
  { source: { manager } }: Pick<ApiContext, 'source'>,
  { session, key }: Principal,
): Promise<void> {
  if (session && !(await readLiveSession(manager, session.id))) throw refusedToken('session_ended');
  if (key && !(await isLiveKey(manager, key.id))) throw refusedToken('api_key');
}
