import type { EntityManager } from 'typeorm';

import { lockSwitchLog, readLifts, readSwitch, storeLift } from '../../../database/kill-switches.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import {
  isOperator,
  LIFTS_NEEDED,
  peopleStopped,
  type KillSwitch,
  type SwitchLift,
} from '../../../domain/kill-switch.ts';
import { switchIdSchema } from '../../../domain/wire-switches.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { operatorOf } from './operator.ts';
import { recordOf, type SwitchEvent } from './record.ts';

/** A switch after a word to lift it. */
export interface Lifted {
  readonly thrown: KillSwitch;
  readonly lifts: readonly SwitchLift[];
}

/** An operator's word that a switch may be lifted. That of a second, different person lifts it. */
export async function liftSwitch(
  context: ApiContext,
  caller: Caller,
  { id, reason }: { readonly id: string; readonly reason: string },
): Promise<Lifted> {
  const operator = operatorOf(caller);
  return context.source.transaction(async (manager) => {
    const last = await lockSwitchLog(manager);
    const { thrown, lifts } = await liftable(manager, id);
    const concerned = await concernedBy(manager, context, { caller, thrown });
    if (concerned.has(operator.person)) {
      throw new KeyturnError(
        'self_approval',
        'This switch stops you, or an agent that you answer for: others lift it.',
      );
    }
    if (lifts.some((lift) => lift.person === operator.person)) {
      throw new KeyturnError('already_decided', 'You agreed already: somebody else has to agree, too.');
    }
    const at = new Date().toISOString();
    const counted = standing(caller, lifts).filter(({ person }) => !concerned.has(person));
    const isLast = counted.length + 1 >= LIFTS_NEEDED;
    const record = recordOf(
      { identityKey: context.keys.identity, operator, at, last },
      eventsOf(id, reason, isLast),
    );
    const lift = { person: operator.person, at };
    await storeLift(manager, { ...lift, switch: id }, record);
    return { thrown: { ...thrown, lifted_at: isLast ? at : null }, lifts: [...lifts, lift] };
  });
}

async function liftable(manager: EntityManager, id: string): Promise<Lifted> {
  const thrown = switchIdSchema.safeParse(id).success ? await readSwitch(manager, id) : null;
  if (!thrown) throw new KeyturnError('not_found', 'There is no such kill switch.');
  if (thrown.lifted_at !== null)
    throw new KeyturnError('switch_lifted', 'This kill switch is lifted already.');
  return { thrown, lifts: (await readLifts(manager, [id])).get(id) ?? [] };
}

/** By the directory of now and that of when it was thrown: nobody gives an agent away to lift its switch. */
async function concernedBy(
  manager: EntityManager,
  { directories }: ApiContext,
  { caller, thrown }: { readonly caller: Caller; readonly thrown: KillSwitch },
): Promise<ReadonlySet<string>> {
  const then = await directories.at(manager, new Date(thrown.thrown_at));
  return new Set([caller.directory, then].flatMap((known) => peopleStopped(thrown, known)));
}

/** Words of people who are no operators any more do not count. */
function standing({ policy, directory }: Caller, lifts: readonly SwitchLift[]): readonly SwitchLift[] {
  const { operators } = policy.policy;
  return lifts.filter(({ person }) => isOperator(operators, directory, person));
}

function eventsOf(id: string, reason: string, isLast: boolean): readonly SwitchEvent[] {
  const confirmed: SwitchEvent = {
    type: 'switch.lift_confirmed',
    switch: id,
    facts: {},
    parts: { reason },
  };
  return isLast ? [confirmed, { type: 'switch.lifted', switch: id, facts: {}, parts: {} }] : [confirmed];
}
