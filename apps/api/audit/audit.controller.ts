import { Controller, Get, Module, Param, Query } from '@nestjs/common';

import { readStream, readStreamState } from '../../../database/audit-streams.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import { streamNameSchema, type StreamPage } from '../../../contract/streams.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { QueryPipe } from '../http/pipes.ts';
import { refuseAllButAuditReaders } from '../auth/operator.ts';

const PAGE = 100;
const { getAuditEntries: ENTRIES } = OPERATIONS;

/** The streams of the audit log that belong to no request: for operators and auditors. */
@Door('people')
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
    @Query(new QueryPipe(ENTRIES)) { limit = PAGE, cursor }: QueryOf<typeof ENTRIES>,
  ): Promise<StreamPage> {
    refuseAllButAuditReaders(caller);
    const stream = streamNameSchema.safeParse(name);
    if (!stream.success) throw new KeyturnError('not_found', 'There is no such stream.');
    const from = positionOf(cursor);
    // One snapshot: the state is compared with the entries of the same instant.
    return this.#context.source.transaction('REPEATABLE READ', async (manager) => {
      const found = await readStream(manager, stream.data, { from, limit: limit + 1 });
      const items = found.slice(0, limit);
      if (found.length > limit) return { items, next_cursor: String(from + limit), state: null };
      return { items, next_cursor: null, state: await readStreamState(manager, stream.data) };
    });
  }
}

@Module({ controllers: [AuditController] })
export class AuditModule {}

/** The number of the first entry of a page. */
function positionOf(cursor = '0'): number {
  if (!/^\d{1,9}$/.test(cursor))
    throw new KeyturnError('invalid_request', 'The cursor does not belong to this stream.');
  return Number(cursor);
}
