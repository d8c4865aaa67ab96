import { Body, Controller, HttpCode, Module, Param, Post, Res } from '@nestjs/common';
import type { Response } from 'express';

import type {
  DecideManyAnswer,
  DecisionAnswer,
  DecisionQueued,
  ProofAnswer,
  Ticket,
} from '../../../contract/decisions.ts';
import type { BodyOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { HangUp } from '../http/headers.ts';
import { OptionalIdempotencyKey } from '../http/idempotency.ts';
import { BodyPipe } from '../http/pipes.ts';
import { loadRequest } from '../requests/load.ts';
import { decisionView } from '../requests/decision-view.ts';
import { viewAfterWait } from '../requests/view.ts';
import { authorizeProof } from './authorize.ts';
import { decide } from './decide.ts';
import { decideMany } from './decide-many.ts';
import { issueTicket } from './ticket.ts';
import { withdraw } from './withdraw.ts';

const {
  beginProof: PROOF,
  decide: DECIDE,
  decideMany: BATCH,
  createTicket: TICKET,
  withdrawRequest: WITHDRAW,
} = OPERATIONS;

@Door('people')
@Controller('v1/decisions')
export class BatchController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post()
  @HttpCode(200)
  async decide(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(BATCH)) { items }: BodyOf<typeof BATCH>,
    @OptionalIdempotencyKey() idempotencyKey: string | null,
    @HangUp() signal: AbortSignal,
  ): Promise<DecideManyAnswer> {
    return decideMany(this.#context, { caller, items, idempotencyKey, signal });
  }
}

@Door('people')
@Controller('v1/requests/:id')
export class DecisionsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post('decisions')
  async decide(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body(new BodyPipe(DECIDE)) body: BodyOf<typeof DECIDE>,
    @OptionalIdempotencyKey() key: string | null,
    @HangUp() signal: AbortSignal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DecisionAnswer | DecisionQueued> {
    const decided = await decide(this.#context, { caller, id, body, idempotencyKey: key }, signal);
    response.status(decided.row ? 200 : 202);
    if (!decided.row) return { decision: { id: decided.id }, state: 'queued, not counted yet' };
    const now = await loadRequest(this.#context, caller, id);
    return {
      decision: await decisionView(this.#context, caller, { row: decided.row, decisions: now.decisions }),
      request: await viewAfterWait(this.#context, caller, now),
    };
  }

  @Post('proofs')
  async proof(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body(new BodyPipe(PROOF)) body: BodyOf<typeof PROOF>,
  ): Promise<ProofAnswer> {
    return authorizeProof(this.#context, { caller, id, body });
  }

  @Post('tickets')
  async ticket(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body(new BodyPipe(TICKET)) body: BodyOf<typeof TICKET>,
  ): Promise<Ticket> {
    return issueTicket(this.#context, { caller, id, body });
  }

  @Post('withdraw')
  @HttpCode(200)
  async withdraw(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body(new BodyPipe(WITHDRAW)) { reason }: BodyOf<typeof WITHDRAW>,
    @OptionalIdempotencyKey() key: string | null,
    @HangUp() signal: AbortSignal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestView> {
    const call = { caller, id, reason, idempotencyKey: key, signal };
    response.status((await withdraw(this.#context, call)) ? 200 : 202);
    return viewAfterWait(this.#context, caller, await loadRequest(this.#context, caller, id));
  }
}

@Module({ controllers: [BatchController, DecisionsController] })
export class DecisionsModule {}
