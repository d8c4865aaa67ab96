import { Controller, Get, Param, Req } from '@nestjs/common';
import type { Request } from 'express';

import { readStream, readStreamState } from '../../../database/audit-streams.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { streamNameSchema, streamQuerySchema, type StreamPage } from '../../../contract/streams.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { parseAs } from '../http/problems.ts';
import { operatorOf } from '../switches/operator.ts';

const PAGE = 100;

/** The streams of the audit log that belong to no request: for operators. */
@Controller('v1/audit')
export class AuditController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get(':stream')
  async stream(
    @CallerParam() caller: Caller,
    @Param('stream') name: string,
    @Req() request: Request,
  ): Promise<StreamPage> {
    operatorOf(caller);
    const stream = streamNameSchema.safeParse(name);
    if (!stream.success) throw new KeyturnError('not_found', 'There is no such stream.');
    const { limit = PAGE, cursor } = parseAs(streamQuerySchema, request.query);
    const from = positionOf(cursor);
    // One snapshot: the state is compared with the entries of the same moment.
    return this.#context.source.transaction('REPEATABLE READ', async (manager) => {
      const found = await readStream(manager, stream.data, { from, limit: limit + 1 });
      const items = found.slice(0, limit);
      if (found.length > limit) return { items, next_cursor: String(from + limit), state: null };
      return { items, next_cursor: null, state: await readStreamState(manager, stream.data) };
    });
  }
}

/** The number of the first entry of a page. */
function positionOf(cursor = '0'): number {
  if (!/^\d{1,9}$/.test(cursor))
    throw new KeyturnError('invalid_request', 'The cursor is not one of this stream.');
  return Number(cursor);
}
