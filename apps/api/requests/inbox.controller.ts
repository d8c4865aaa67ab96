import { Controller, Get, Query } from '@nestjs/common';

import type { QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { RequestPage } from '../../../contract/requests.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { HangUp } from '../http/headers.ts';
import { QueryPipe } from '../http/pipes.ts';
import { inboxPage } from './inbox.ts';

const { listInbox: LIST } = OPERATIONS;

@Door('people')
@Controller('v1/inbox')
export class InboxController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async inbox(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(LIST)) query: QueryOf<typeof LIST>,
    @HangUp() signal: AbortSignal,
  ): Promise<RequestPage> {
    return inboxPage(this.#context, caller, { query, signal });
  }
}
