import { Controller, Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';

import { isTargetOf, ownTarget, PUBLISH, RESOLVE } from '../../../domain/policy/policy.ts';
import { inboxQuerySchema, type RequestPage } from '../../../contract/requests.ts';
import { actionsSchema, type ActionCatalogue } from '../../../contract/actions.ts';
import { CallerParam, refuseUnknown, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { parseAs } from '../http/problems.ts';
import { modeOf } from '../catalogue/entry.ts';
import { hangUpSignal } from '../http/headers.ts';
import { inboxPage } from './inbox.ts';

@Controller('v1')
export class InboxController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get('inbox')
  async inbox(
    @CallerParam() caller: Caller,
    @Query() query: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RequestPage> {
    const call = { query: parseAs(inboxQuerySchema, query), signal: hangUpSignal(response) };
    return inboxPage(this.#context, caller, call);
  }

  /** What can be asked for. How targets are reached is nobody's business here. */
  @Get('actions')
  actions(@CallerParam() caller: Caller): ActionCatalogue {
    refuseUnknown(caller);
    const { policy } = caller;
    const targets = [...policy.policy.targets, ownTarget(policy.policy)];
    const items = [...policy.policy.actions, PUBLISH, RESOLVE].map((action) => ({
      action: action.action,
      title: action.title,
      mode: modeOf(action),
      schema_version: action.schema_version,
      arguments: action.arguments,
      targets: targets
        .filter((target) => isTargetOf(target, action))
        .map(({ id, title, environment }) => ({ id, title, environment })),
    }));
    return actionsSchema.parse({ items });
  }
}
