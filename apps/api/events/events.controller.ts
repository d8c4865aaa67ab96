import { Controller, Get, Module, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import type { QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import { CallerParam, refuseUnknown, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { Slots } from '../http/slots.ts';
import { QueryPipe } from '../http/pipes.ts';
import { loadRequest } from '../requests/load.ts';
import { EventStream, STREAM_HEADERS } from './event-stream.ts';

const TOO_MANY = { refusal: 'Too many event streams are open or resuming: wait for some to end.' };

const { streamEvents: STREAM } = OPERATIONS;

@Door('people')
@Controller('v1/events')
export class EventsController {
  readonly #context: ApiContext;
  readonly #open: Slots;
  /** Resuming reads the audit log. */
  readonly #replays = new Slots({ perCaller: 2, inAll: 8, ...TOO_MANY });

  constructor(context: ApiContext) {
    this.#context = context;
    this.#open = new Slots({ perCaller: 20, inAll: context.settings.streamsMax, ...TOO_MANY });
  }

  @Get()
  async events(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(STREAM)) { request: id }: QueryOf<typeof STREAM>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    refuseUnknown(caller);
    const lastId = lastEventId(request);
    if (id !== undefined) await loadRequest(this.#context, caller, id);
    if (request.method === 'HEAD') return void response.set(STREAM_HEADERS).end();
    const key = identityKey(caller.principal.identity);
    const release = this.#take(key);
    let onReplayed = (): void => {};
    try {
      if (lastId !== null) onReplayed = this.#replays.take(key);
      const options = { caller, request: id ?? null, lastId, onReplayed };
      await new EventStream(this.#context, response, options).run();
    } finally {
      onReplayed();
      release();
    }
  }

  #take(caller: string): () => void {
    const release = this.#open.take(caller);
    this.#context.metrics.streams.set(this.#open.count);
    return () => {
      release();
      this.#context.metrics.streams.set(this.#open.count);
    };
  }
}

@Module({ controllers: [EventsController] })
export class EventsModule {}

function lastEventId(request: Request): number | null {
  const value = request.headers['last-event-id'];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string' || !/^\d{1,15}$/.test(value)) {
    throw new KeyturnError('invalid_request', 'Last-Event-ID is not an event id.');
  }
  return Number(value);
}
