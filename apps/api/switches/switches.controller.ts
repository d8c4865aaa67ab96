import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

import { readLifts, readSwitches } from '../../../database/kill-switches.ts';
import type { KillSwitch, SwitchLift } from '../../../domain/execution/kill-switch.ts';
import {
  liftBodySchema,
  throwBodySchema,
  type LiftAnswer,
  type SwitchList,
  type SwitchView,
} from '../../../contract/switches.ts';
import { CallerParam, isReviewer, refuseUnknown, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { countRefusal } from '../auth/refused-attempt.ts';
import { parseBody } from '../http/parse-body.ts';
import { optionalIdempotencyKey } from '../http/idempotency.ts';
import { liftSwitch } from './lift.ts';
import { throwSwitch } from './throw.ts';

@Controller('v1/switches')
export class SwitchesController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async list(@CallerParam() caller: Caller): Promise<SwitchList> {
    refuseUnknown(caller);
    const { manager } = this.#context.source;
    const switches = await readSwitches(manager);
    const lifts = await readLifts(
      manager,
      switches.map(({ id }) => id),
    );
    return { items: switches.map((thrown) => switchView(caller, thrown, lifts.get(thrown.id) ?? [])) };
  }

  @Post()
  @HttpCode(201)
  async throw(@CallerParam() caller: Caller, @Req() request: Request): Promise<SwitchView> {
    const call = {
      ...parseBody(throwBodySchema, request.body),
      idempotencyKey: optionalIdempotencyKey(request),
    };
    const attempt = { caller, delivery: 'switch' as const };
    const thrown = await countRefusal(this.#context, attempt, () => throwSwitch(this.#context, caller, call));
    return switchView(caller, thrown, []);
  }

  @Post(':id/lift')
  async lift(
    @CallerParam() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LiftAnswer> {
    const { reason } = parseBody(liftBodySchema, request.body);
    const id = String(request.params['id']);
    const attempt = { caller, delivery: 'switch' as const };
    const { thrown, lifts } = await countRefusal(this.#context, attempt, () =>
      liftSwitch(this.#context, caller, { id, reason, idempotencyKey: optionalIdempotencyKey(request) }),
    );
    const isLifted = thrown.lifted_at !== null;
    response.status(isLifted ? 200 : 202);
    return {
      switch: switchView(caller, thrown, lifts),
      state: isLifted ? 'lifted' : 'one more person needed',
    };
  }
}

/** Agents learn what is stopped and since when; why and by whom is for people of the directory. */
function switchView(caller: Caller, thrown: KillSwitch, lifts: readonly SwitchLift[]): SwitchView {
  const { id, scope, thrown_at: since, reason, thrown_by } = thrown;
  const view = { id, scope: { kind: scope.kind, value: scope.value }, since };
  if (!isReviewer(caller)) return view;
  return { ...view, reason, thrown_by, agreed_to_lift: lifts.map(({ person, at }) => ({ person, at })) };
}
