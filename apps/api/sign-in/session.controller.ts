import { Controller, Get, Req } from '@nestjs/common';
import type { Request } from 'express';

import type { OwnSession } from '../../../contract/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { csrfTokenOf } from '../auth/session-cookie.ts';
import { SessionVerifier } from '../auth/session-verifier.ts';
import { Door } from '../http/door.ts';

/** Sessions of browsers, as JSON. */
@Door('people')
@Controller('v1')
export class SessionController {
  readonly #sessions: SessionVerifier;

  constructor(sessions: SessionVerifier) {
    this.#sessions = sessions;
  }

  @Get('session')
  session(@CallerParam() { principal, person }: Caller, @Req() request: Request): OwnSession {
    const { session, identity } = principal;
    const secret = this.#sessions.secretOf(request);
    if (!session || secret === null)
      throw new KeyturnError('not_found', 'This call has a token, so there is no session: see GET /v1/me.');
    return {
      id: session.id,
      person: session.person,
      name: person?.name ?? session.person,
      identity: { issuer: identity.issuer, subject: identity.subject },
      began_at: new Date(session.began_at).toISOString(),
      expires_at: new Date(session.expires_at).toISOString(),
      idle_at: new Date(session.idle_at).toISOString(),
      csrf_token: csrfTokenOf(secret),
    };
  }
}
