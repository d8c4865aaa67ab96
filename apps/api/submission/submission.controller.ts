import { Body, Controller, HttpCode, Module, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import { identityKey } from '../../../domain/identity/identity.ts';
import type { EvaluationAnswer } from '../../../contract/evaluate.ts';
import type { BodyOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { HangUp, preferredWaitMs } from '../http/headers.ts';
import { IdempotencyKey } from '../http/idempotency.ts';
import { BodyPipe } from '../http/pipes.ts';
import { requestView, viewAfterWait } from '../requests/view.ts';
import { createRequest } from './create.ts';
import { dryRun } from './policy-dry-run.ts';

const { createRequest: CREATE, evaluate: EVALUATE } = OPERATIONS;

@Door('people')
@Controller('v1')
export class SubmissionController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Post('requests')
  async create(
    @CallerParam() caller: Caller,
    @IdempotencyKey() key: string,
    @Body(new BodyPipe(CREATE)) body: BodyOf<typeof CREATE>,
    @HangUp() signal: AbortSignal,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestView> {
    const call = { caller, idempotencyKey: key, body, signal };
    // Without a free slot the call is answered at once instead of refused.
    const release = this.#context.limits.waiting.tryTake(identityKey(caller.principal.identity));
    const waitMs = release === null ? 0 : preferredWaitMs(request);
    const created = await createRequest(this.#context, { ...call, waitMs }).finally(() => release?.());
    const status = created.outcome === 'created' ? 201 : 200;
    this.#context.metrics.requests.inc({ outcome: created.isRecorded ? created.outcome : 'accepted' });
    const show = waitMs === 0 ? requestView : viewAfterWait;
    const view = created.view ?? (await show(this.#context, caller, created));
    response.status(created.isRecorded ? status : 202).location(locationOf(this.#context, view.id));
    return view;
  }

  @Post('evaluate')
  @HttpCode(200)
  async evaluate(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(EVALUATE)) body: BodyOf<typeof EVALUATE>,
  ): Promise<EvaluationAnswer> {
    this.#context.limits.evaluations.admit(identityKey(caller.principal.identity));
    return dryRun(this.#context, { caller, body });
  }
}

@Module({ controllers: [SubmissionController] })
export class SubmissionModule {}

/** The URL of a request, under the path by which callers reach this server. */
function locationOf({ settings: { publicUrl } }: ApiContext, id: string): string {
  const prefix = new URL(publicUrl).pathname.replace(/\/$/, '');
  return `${prefix}/v1/requests/${id}`;
}
