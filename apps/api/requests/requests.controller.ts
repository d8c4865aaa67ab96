import { Controller, Get, Module, Param, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import { hasMoved } from '../../../database/readers.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import { GATE_RUN } from '../../../domain/execution/gate-validity.ts';
import { isFinal } from '../../../domain/request/status.ts';
import type { QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { InboxPage, RequestPage, RequestView } from '../../../contract/requests.ts';
import type { Evidence } from '../../../contract/evidence.ts';
import type { Timeline } from '../../../contract/history.ts';
import type { WorkflowEvents } from '../../../contract/workflow-events.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { evidenceOf } from './evidence.ts';
import { entityTag, HangUp, hasVersion } from '../http/headers.ts';
import { QueryPipe } from '../http/pipes.ts';
import { inboxPage } from './inbox.ts';
import { listPage } from './list.ts';
import { loadRequest } from './load.ts';
import { timelineOf } from './timeline.ts';
import { requestView, viewAfterWait } from './view.ts';
import { workflowEventsOf } from './workflow-events.ts';

const { listRequests: LIST, listInbox: INBOX, getRequest: SHOW } = OPERATIONS;

@Door('people')
@Controller('v1')
export class RequestsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get('requests')
  async list(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(LIST)) query: QueryOf<typeof LIST>,
    @HangUp() signal: AbortSignal,
  ): Promise<RequestPage> {
    return listPage(this.#context, caller, { query, signal });
  }

  @Get('inbox')
  async inbox(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(INBOX)) query: QueryOf<typeof INBOX>,
    @HangUp() signal: AbortSignal,
  ): Promise<InboxPage> {
    return inboxPage(this.#context, caller, { query, signal });
  }

  @Get('requests/:id')
  async show(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query(new QueryPipe(SHOW)) query: QueryOf<typeof SHOW>,
    @HangUp() signal: AbortSignal,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestView | undefined> {
    const view = await this.#shown(caller, { ...query, id, signal });
    const tag = entityTag(view);
    response.set('ETag', tag).vary('Authorization');
    if (!hasVersion(request, tag)) return view;
    response.status(304);
  }

  async #shown(
    caller: Caller,
    { wait, version, id, signal }: QueryOf<typeof SHOW> & { id: string; signal: AbortSignal },
  ): Promise<RequestView> {
    const loaded = await loadRequest(this.#context, caller, id);
    const { row } = loaded;
    // A request that is over does not change any more, also one that was never recorded.
    if (wait === undefined || wait === 0 || row.run_id === GATE_RUN || isFinal(row.status))
      return requestView(this.#context, caller, loaded);
    const release = this.#context.limits.waiting.take(identityKey(caller.principal.identity));
    try {
      const seen = version ?? Number(row.version);
      const changed = await this.#context.feed.waitFor({
        request: id,
        timeoutMs: wait * 1_000,
        signal,
        // The whole of it may be large: it is read once there is something new.
        check: async () => ((await hasMoved(this.#context.source.manager, id, seen)) ? true : null),
      });
      const now = changed ? await loadRequest(this.#context, caller, id) : loaded;
      return await viewAfterWait(this.#context, caller, now);
    } finally {
      release();
    }
  }

  @Get('requests/:id/timeline')
  async timeline(@CallerParam() caller: Caller, @Param('id') id: string): Promise<Timeline> {
    return timelineOf(this.#context, caller, await loadRequest(this.#context, caller, id));
  }

  @Get('requests/:id/workflow-events')
  async workflowEvents(@CallerParam() caller: Caller, @Param('id') id: string): Promise<WorkflowEvents> {
    return workflowEventsOf(this.#context, caller, await loadRequest(this.#context, caller, id));
  }

  @Get('requests/:id/evidence')
  async evidence(@CallerParam() caller: Caller, @Param('id') id: string): Promise<Evidence> {
    return evidenceOf(this.#context, caller, await loadRequest(this.#context, caller, id));
  }
}

@Module({ controllers: [RequestsController] })
export class RequestsModule {}
