import { Controller, Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';

import { inboxQuerySchema, type RequestPage } from '../../../contract/requests.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { parseAs } from '../http/problems.ts';
import { hangUpSignal } from '../http/headers.ts';
import { inboxPage } from './inbox.ts';

@Controller('v1/inbox')
export class InboxController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async inbox(
    @CallerParam() caller: Caller,
    @Query() query: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestPage> {
    const call = { query: parseAs(inboxQuerySchema, query), signal: hangUpSignal(response) };
    return inboxPage(this.#context, caller, call);
  }
}
