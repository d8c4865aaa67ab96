import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { Response } from 'express';

import { readLifts, readSwitches } from '../../../database/kill-switches.ts';
import type { KillSwitch, SwitchLift } from '../../../domain/execution/kill-switch.ts';
import type { BodyOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { LiftAnswer, SwitchList, SwitchView } from '../../../contract/switches.ts';
import { CallerParam, isReviewer, refuseUnknown, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { countRefusal } from '../auth/refused-attempt.ts';
import { Door } from '../http/door.ts';
import { BodyPipe } from '../http/pipes.ts';
import { OptionalIdempotencyKey } from '../http/idempotency.ts';
import { liftSwitch } from './lift.ts';
import { throwSwitch } from './throw.ts';

const { throwSwitch: THROW, liftSwitch: LIFT } = OPERATIONS;

@Door('people')
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
  async throw(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(THROW)) body: BodyOf<typeof THROW>,
    @OptionalIdempotencyKey() key: string | null,
  ): Promise<SwitchView> {
    const call = { ...body, idempotencyKey: key };
    const attempt = { caller, delivery: 'switch' as const };
    const thrown = await countRefusal(this.#context, attempt, () => throwSwitch(this.#context, caller, call));
    return switchView(caller, thrown, []);
  }

  @Post(':id/lift')
  async lift(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body(new BodyPipe(LIFT)) { reason }: BodyOf<typeof LIFT>,
    @OptionalIdempotencyKey() key: string | null,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LiftAnswer> {
    const attempt = { caller, delivery: 'switch' as const };
    const { thrown, lifts } = await countRefusal(this.#context, attempt, () =>
      liftSwitch(this.#context, caller, { id, reason, idempotencyKey: key }),
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
