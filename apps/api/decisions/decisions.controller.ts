import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import {
  decisionBodySchema,
  withdrawBodySchema,
  type DecisionAnswer,
  type DecisionQueued,
  type Ticket,
} from '../../../contract/decisions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { parseBody } from '../http/parse-body.ts';
import { hangUpSignal } from '../http/headers.ts';
import { optionalIdempotencyKey } from '../http/idempotency.ts';
import { loadRequest } from '../requests/load.ts';
import { decisionView, viewAfterWait } from '../requests/view.ts';
import { decide } from './decide.ts';
import { issueTicket } from './ticket.ts';
import { withdraw } from './withdraw.ts';

@Controller('v1/requests/:id')
export class DecisionsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post('decisions')
  async decide(
    @CallerParam() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DecisionAnswer | DecisionQueued> {
    const id = String(request.params['id']);
    const body = parseBody(decisionBodySchema, request.body);
    const call = { caller, id, body, idempotencyKey: optionalIdempotencyKey(request) };
    const decided = await decide(this.#context, call, hangUpSignal(response));
    response.status(decided.row ? 200 : 202);
    if (!decided.row) return { decision: { id: decided.id }, state: 'queued, not counted yet' };
    const row = await loadRequest(this.#context, caller, id);
    return {
      decision: await decisionView(this.#context, caller.directory, decided.row),
      request: await viewAfterWait(this.#context, caller, row),
    };
  }

  @Post('tickets')
  async ticket(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<Ticket> {
    return issueTicket(this.#context, { caller, id, body: parseBody(decisionBodySchema, request.body) });
  }

  @Post('withdraw')
  @HttpCode(200)
  async withdraw(
    @CallerParam() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestView> {
    const { reason } = parseBody(withdrawBodySchema, request.body ?? {});
    const id = String(request.params['id']);
    const { isDone, row } = await withdraw(this.#context, {
      caller,
      id,
      reason,
      idempotencyKey: optionalIdempotencyKey(request),
      signal: hangUpSignal(response),
    });
    response.status(isDone ? 200 : 202);
    return viewAfterWait(this.#context, caller, row);
  }
}
