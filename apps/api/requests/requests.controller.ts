import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { z } from 'zod';

import { readRequest } from '../../../database/readers.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import { GATE_RUN } from '../../../domain/execution/gate.ts';
import { isFinal } from '../../../domain/request/request.ts';
import {
  createBodySchema,
  listQuerySchema,
  showQuerySchema,
  type RequestPage,
  type RequestView,
} from '../../../contract/requests.ts';
import { withdrawBodySchema } from '../../../contract/decisions.ts';
import type { Evidence } from '../../../contract/evidence.ts';
import type { Timeline } from '../../../contract/history.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Places } from '../http/places.ts';
import { parseBody } from '../http/parse-body.ts';
import { parseAs } from '../http/problems.ts';
import { createRequest } from '../submission/create.ts';
import { evidenceOf } from './evidence.ts';
import {
  entityTag,
  hangUpSignal,
  hasVersion,
  idempotencyKey,
  optionalIdempotencyKey,
  preferredWaitMs,
} from '../http/headers.ts';
import { listPage } from './list.ts';
import { loadRequest } from './load.ts';
import { timelineOf } from './timeline.ts';
import { requestView, viewAfterWait } from './view.ts';
import { withdraw } from '../decisions/withdraw.ts';

/**
 * Calls that wait for a request to change, of one caller at least and in all: when it changes, each reads all that it
 * answers, at once.
 */
const WAITING_OF_ONE_MIN = 100;
const CALLERS_WAITING = 5;
const TOO_MANY = 'Too many calls wait for requests to change: let some of them end.';

@Controller('v1/requests')
export class RequestsController {
  readonly #context: ApiContext;
  readonly #waiting: Places;
  readonly #waitingMax: number;

  constructor(context: ApiContext) {
    this.#context = context;
    // Whoever may have so many requests open may wait for each of them.
    const ofOne = Math.max(WAITING_OF_ONE_MIN, context.settings.budgets.openRequests);
    this.#waiting = new Places(ofOne);
    this.#waitingMax = CALLERS_WAITING * ofOne;
  }

  @Post()
  async create(
    @CallerParam() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestView> {
    const call = {
      caller,
      idempotencyKey: idempotencyKey(request),
      body: parseBody(createBodySchema, request.body),
      signal: hangUpSignal(response),
    };
    // Without a place the wish to wait is not met: that refuses nothing.
    const release = this.#waiting.tryTake(identityKey(caller.principal.identity), this.#waitingMax);
    const waitMs = release === null ? 0 : preferredWaitMs(request);
    const created = await createRequest(this.#context, { ...call, waitMs }).finally(() => release?.());
    const status = created.outcome === 'created' ? 201 : 200;
    this.#context.metrics.requests.inc({ outcome: created.isRecorded ? created.outcome : 'accepted' });
    const view = created.view ?? (await viewAfterWait(this.#context, caller, created.row));
    response.status(created.isRecorded ? status : 202).location(placeOf(this.#context, view.id));
    return view;
  }

  @Get()
  async list(
    @CallerParam() caller: Caller,
    @Query() query: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestPage> {
    const call = { query: parseAs(listQuerySchema, query), signal: hangUpSignal(response) };
    return listPage(this.#context, caller, call);
  }

  @Get(':id')
  async show(
    @CallerParam() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestView | undefined> {
    const query = parseAs(showQuerySchema, request.query);
    const call = { ...query, id: String(request.params['id']), signal: hangUpSignal(response) };
    const view = await this.#shown(caller, call);
    const tag = entityTag(view);
    response.set('ETag', tag).vary('Authorization');
    if (!hasVersion(request, tag)) return view;
    response.status(304);
  }

  async #shown(
    caller: Caller,
    { wait, version, id, signal }: z.output<typeof showQuerySchema> & { id: string; signal: AbortSignal },
  ): Promise<RequestView> {
    const row = await loadRequest(this.#context, caller, id);
    // Of what is over, also when nobody ever recorded it, no change comes.
    if (wait === undefined || wait === 0 || row.run_id === GATE_RUN || isFinal(row.status))
      return requestView(this.#context, caller, row);
    const release = this.#waiting.take(identityKey(caller.principal.identity), this.#waitingMax, TOO_MANY);
    try {
      const seen = version ?? Number(row.version);
      const changed = await this.#context.feed.waitFor({
        request: id,
        timeoutMs: wait * 1_000,
        signal,
        check: async () => {
          const now = await readRequest(this.#context.source.manager, id);
          return now && (Number(now.version) > seen || isFinal(now.status)) ? now : null;
        },
      });
      return await viewAfterWait(this.#context, caller, changed ?? row);
    } finally {
      release();
    }
  }

  @Get(':id/timeline')
  async timeline(@CallerParam() caller: Caller, @Param('id') id: string): Promise<Timeline> {
    return timelineOf(this.#context, caller, await loadRequest(this.#context, caller, id));
  }

  @Get(':id/evidence')
  async evidence(@CallerParam() caller: Caller, @Param('id') id: string): Promise<Evidence> {
    return evidenceOf(this.#context, caller, await loadRequest(this.#context, caller, id));
  }

  @Post(':id/withdraw')
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

/** Where callers find a request: under the path by which they reach this server. */
function placeOf({ settings: { publicUrl } }: ApiContext, id: string): string {
  const prefix = publicUrl === null ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');
  return `${prefix}/v1/requests/${id}`;
}
