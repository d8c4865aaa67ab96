import { Controller, Get, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import { identityKey } from '../../../domain/identity.ts';
import { eventsQuerySchema } from '../../../domain/wire.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { parseAs } from '../http/problems.ts';
import { loadRequest } from '../requests/load.ts';
import { EventStream } from './event-stream.ts';

const STREAMS_OF_ONE_MAX = 20;

@Controller('v1/events')
export class EventsController {
  readonly #context: ApiContext;
  readonly #open = new Map<string, number>();
  #count = 0;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async events(
    @CallerParam() caller: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { request: id } = parseAs(eventsQuerySchema, request.query);
    const lastId = lastEventId(request);
    if (id !== undefined) await loadRequest(this.#context, caller, id);
    const release = this.#take(identityKey(caller.principal.identity));
    try {
      await new EventStream(this.#context, response, { caller, request: id ?? null, lastId }).run();
    } finally {
      release();
    }
  }

  /** Streams hold memory and a connection each: one caller cannot take them all. */
  #take(caller: string): () => void {
    const own = this.#open.get(caller) ?? 0;
    if (this.#count >= this.#context.settings.streamsMax || own >= STREAMS_OF_ONE_MAX) {
      throw new KeyturnError('rate_limited', 'Too many event streams are open.', { retryAfterSeconds: 10 });
    }
    this.#change(caller, 1);
    return () => this.#change(caller, -1);
  }

  #change(caller: string, by: number): void {
    const own = (this.#open.get(caller) ?? 0) + by;
    if (own > 0) this.#open.set(caller, own);
    else this.#open.delete(caller);
    this.#count += by;
    this.#context.metrics.streams.set(this.#count);
  }
}

function lastEventId(request: Request): number | null {
  const value = request.headers['last-event-id'];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string' || !/^\d{1,15}$/.test(value)) {
    throw new KeyturnError('invalid_request', 'Last-Event-ID is not the id of an event.');
  }
  return Number(value);
}
