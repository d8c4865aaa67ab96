import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { Request } from 'express';

import type { BodyOf, QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import {
  sessionIdSchema,
  type Ended,
  type OwnSession,
  type SessionList,
} from '../../../contract/sessions.ts';
import { liveSessionsOf, readLiveSession, type LiveSession } from '../../../database/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isOperator } from '../../../domain/execution/kill-switch.ts';
import { CallerParam, isReviewer, reviewerOf, type Caller } from '../auth/caller.ts';
import { operatorOf } from '../auth/operator.ts';
import { csrfTokenOf } from '../auth/session-cookie.ts';
import { SessionVerifier } from '../auth/session-verifier.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { BodyPipe, QueryPipe } from '../http/pipes.ts';
import { endSession } from './session-log.ts';

const { listSessions: LIST, endSessions: END_ALL } = OPERATIONS;

/** Sessions of browsers, as JSON. */
@Door('people')
@Controller('v1')
export class SessionController {
  readonly #context: ApiContext;
  readonly #sessions: SessionVerifier;

  constructor(context: ApiContext, sessions: SessionVerifier) {
    this.#context = context;
    this.#sessions = sessions;
  }

  @Get('session')
  session(@CallerParam() { principal, person }: Caller, @Req() request: Request): OwnSession {
    const { session } = principal;
    const secret = this.#sessions.secretOf(request);
    if (!session || secret === null)
      throw new KeyturnError('not_found', 'This call has a token, so there is no session: see GET /v1/me.');
    return {
      ...viewOf(session),
      name: person?.name ?? session.person,
      demo_request_address: this.#context.settings.demoRequestUrl,
      csrf_token: csrfTokenOf(secret),
    };
  }

  @Get('sessions')
  async list(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(LIST)) { person }: QueryOf<typeof LIST>,
  ): Promise<SessionList> {
    const found = await liveSessionsOf(this.#context.source.manager, whoseOf(caller, person));
    const items = found.map((session) => ({
      ...viewOf(session),
      seen_at: new Date(session.seen_at).toISOString(),
      is_current: session.id === caller.principal.session?.id,
    }));
    return { items };
  }

  @Post('sessions/end-all')
  @HttpCode(200)
  async endAll(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(END_ALL)) { person }: BodyOf<typeof END_ALL>,
  ): Promise<Ended> {
    reviewerOf(caller);
    const found = await liveSessionsOf(this.#context.source.manager, whoseOf(caller, person));
    let ended = 0;
    for (const session of found) if (await endSession(this.#context, caller, session)) ended += 1;
    return { ended };
  }

  @Post('sessions/:id/end')
  @HttpCode(200)
  async end(@CallerParam() caller: Caller, @Param('id') id: string): Promise<Ended> {
    const { id: own } = reviewerOf(caller);
    const isId = sessionIdSchema.safeParse(id).success;
    const session = isId ? await readLiveSession(this.#context.source.manager, id) : null;
    if (!session || (session.person !== own && !isOperatorNow(caller)))
      throw new KeyturnError('not_found', 'There is no such session of yours: it may be over already.');
    return { ended: (await endSession(this.#context, caller, session)) ? 1 : 0 };
  }
}

/** Whose sessions a call is about. Refuses (`forbidden`) those of somebody else, but for operators. */
function whoseOf(caller: Caller, wanted: string | undefined): string {
  const own = (isReviewer(caller) ? caller.person : null) ?? reviewerOf(caller);
  if (wanted === undefined || wanted === own.id) return own.id;
  operatorOf(caller);
  return wanted;
}

function isOperatorNow(caller: Caller): boolean {
  const { policy, directory } = caller;
  return isOperator(policy.policy.operators, directory, reviewerOf(caller).id);
}

function viewOf(session: LiveSession): Omit<OwnSession, 'name' | 'csrf_token' | 'demo_request_address'> {
  return {
    id: session.id,
    person: session.person,
    identity: { issuer: session.issuer, subject: session.subject },
    began_at: new Date(session.began_at).toISOString(),
    expires_at: new Date(session.expires_at).toISOString(),
    idle_at: new Date(session.idle_at).toISOString(),
  };
}
