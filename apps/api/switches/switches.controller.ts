import { Body, Controller, Get, HttpCode, Module, Param, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';

import { readLifts, readReleasedSwitches, readSwitches } from '../../../database/kill-switches.ts';
import { personById } from '../../../domain/identity/directory.ts';
import type { KillSwitch, SwitchLift } from '../../../domain/execution/kill-switch.ts';
import type { BodyOf, QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { LiftAnswer, SwitchList, SwitchView } from '../../../contract/switches.ts';
import { CallerParam, isReviewer, refuseUnknown, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { countRefusal } from '../auth/refused-attempt.ts';
import { Door } from '../http/door.ts';
import { BodyPipe, QueryPipe } from '../http/pipes.ts';
import { OptionalIdempotencyKey } from '../http/idempotency.ts';
import { releaseSwitch } from './release.ts';
import { engageSwitch } from './engage.ts';

const { listSwitches: LIST, throwSwitch: ENGAGE, liftSwitch: RELEASE } = OPERATIONS;

@Door('people')
@Controller('v1/switches')
export class SwitchesController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async list(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(LIST)) { state }: QueryOf<typeof LIST>,
  ): Promise<SwitchList> {
    refuseUnknown(caller);
    const { manager } = this.#context.source;
    const switches = await (state === 'lifted' ? readReleasedSwitches : readSwitches)(manager);
    const lifts = await readLifts(
      manager,
      switches.map(({ id }) => id),
    );
    return { items: switches.map((known) => switchView(caller, known, lifts.get(known.id) ?? [])) };
  }

  @Post()
  @HttpCode(201)
  async engage(
    @CallerParam() caller: Caller,
    @Body(new BodyPipe(ENGAGE)) body: BodyOf<typeof ENGAGE>,
    @OptionalIdempotencyKey() key: string | null,
  ): Promise<SwitchView> {
    const call = { ...body, idempotencyKey: key };
    const attempt = { caller, delivery: 'switch' as const };
    const engaged = await countRefusal(this.#context, attempt, () =>
      engageSwitch(this.#context, caller, call),
    );
    return switchView(caller, engaged, []);
  }

  @Post(':id/lift')
  async release(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Body(new BodyPipe(RELEASE)) { reason }: BodyOf<typeof RELEASE>,
    @OptionalIdempotencyKey() key: string | null,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LiftAnswer> {
    const attempt = { caller, delivery: 'switch' as const };
    const { killSwitch, lifts } = await countRefusal(this.#context, attempt, () =>
      releaseSwitch(this.#context, caller, { id, reason, idempotencyKey: key }),
    );
    const isReleased = killSwitch.lifted_at !== null;
    response.status(isReleased ? 200 : 202);
    return {
      switch: switchView(caller, killSwitch, lifts),
      state: isReleased ? 'lifted' : 'one more person needed',
    };
  }
}

@Module({ controllers: [SwitchesController] })
export class SwitchesModule {}

/** Agents learn what is stopped and since when; why and by whom is for people of the directory. */
function switchView(caller: Caller, killSwitch: KillSwitch, lifts: readonly SwitchLift[]): SwitchView {
  const { id, scope, thrown_at: since, lifted_at, reason, thrown_by } = killSwitch;
  const view = {
    id,
    scope: { kind: scope.kind, value: scope.value },
    since,
    ...(lifted_at !== null && { lifted_at }),
  };
  if (!isReviewer(caller)) return view;
  const nameOf = (person: string): string => personById(caller.directory, person)?.name ?? person;
  const agreed = lifts.map(({ person, at }) => ({ person, name: nameOf(person), at }));
  return { ...view, reason, thrown_by, engaged_by_name: nameOf(thrown_by), agreed_to_lift: agreed };
}
