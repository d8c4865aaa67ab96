import type { EntityManager } from 'typeorm';

import {
  lockSwitchLog,
  readLiftCall,
  readLifts,
  readSwitch,
  storeLift,
} from '../../../database/kill-switches.ts';
import { keyedId } from '../../../domain/identity/ids.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import {
  isOperator,
  LIFTS_NEEDED,
  peopleStopped,
  type KillSwitch,
  type SwitchLift,
} from '../../../domain/execution/kill-switch.ts';
import { switchIdSchema } from '../../../contract/switches.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { keyReused } from '../http/idempotency.ts';
import { operatorOf } from '../auth/operator.ts';
import { recordOf, type RecordedEvent, type RecordedPerson } from '../entries.ts';

/** A switch after a word to lift it. */
export interface Lifted {
  readonly thrown: KillSwitch;
  readonly lifts: readonly SwitchLift[];
}

/** A call to lift a switch. */
export interface LiftCall {
  readonly id: string;
  readonly reason: string;
  readonly idempotencyKey: string | null;
}

/** An operator's word that a switch may be lifted. That of a second, different person lifts it. The same call again is the same word. */
export async function liftSwitch(
  context: ApiContext,
  caller: Caller,
  { id, reason, idempotencyKey }: LiftCall,
): Promise<Lifted> {
  const operator = operatorOf(caller);
  const call = liftCall(context, operator, { id, reason, idempotencyKey });
  return context.source.transaction(async (manager) => {
    const last = await lockSwitchLog(manager);
    const again = await liftedBefore(manager, { id, person: operator.person, call });
    if (again) return again;
    const { thrown, lifts } = await liftable(manager, id);
    const concerned = await concernedBy(manager, context, { caller, thrown });
    if (concerned.has(operator.person)) {
      throw new KeyturnError(
        'self_approval',
        'This switch stops you or an agent that you own, so other operators have to lift it.',
      );
    }
    if (lifts.some((lift) => lift.person === operator.person)) {
      throw new KeyturnError(
        'already_decided',
        'You have already agreed. Another operator has to agree as well.',
      );
    }
    const at = new Date().toISOString();
    const counted = standing(caller, lifts).filter(({ person }) => !concerned.has(person));
    const isLast = counted.length + 1 >= LIFTS_NEEDED;
    const recording = { identityKey: context.keys.identity, stream: 'switches', by: operator, at, last };
    const record = recordOf(recording, eventsOf(id, reason, isLast));
    const lift = { person: operator.person, at };
    await storeLift(manager, { ...lift, switch: id, call: call && `${call.made}${call.said}` }, record);
    return { thrown: { ...thrown, lifted_at: isLast ? at : null }, lifts: [...lifts, lift] };
  });
}

/** The name of a call with an Idempotency-Key, and one of what it says; null for a call without. */
interface NamedCall {
  readonly made: string;
  readonly said: string;
}

function liftCall(
  { keys }: Pick<ApiContext, 'keys'>,
  { identity: { issuer, subject } }: RecordedPerson,
  { id, reason, idempotencyKey }: LiftCall,
): NamedCall | null {
  if (idempotencyKey === null) return null;
  const made = keyedId('call', keys.identity, ['lift', issuer, subject, id, idempotencyKey]);
  return { made, said: keyedId('said', keys.identity, [made, reason]) };
}

/** What became of a switch since the same call came first; null when it did not. */
async function liftedBefore(
  manager: EntityManager,
  { id, person, call }: { readonly id: string; readonly person: string; readonly call: NamedCall | null },
): Promise<Lifted | null> {
  if (call === null || !switchIdSchema.safeParse(id).success) return null;
  const first = await readLiftCall(manager, { switch: id, person });
  if (first?.startsWith(call.made) !== true) return null;
  if (first !== `${call.made}${call.said}`) throw keyReused();
  return knownSwitch(manager, id);
}

async function knownSwitch(manager: EntityManager, id: string): Promise<Lifted> {
  const thrown = switchIdSchema.safeParse(id).success ? await readSwitch(manager, id) : null;
  if (!thrown) throw new KeyturnError('not_found', 'There is no such kill switch.');
  return { thrown, lifts: (await readLifts(manager, [id])).get(id) ?? [] };
}

async function liftable(manager: EntityManager, id: string): Promise<Lifted> {
  const known = await knownSwitch(manager, id);
  if (known.thrown.lifted_at !== null)
    throw new KeyturnError('switch_lifted', 'This kill switch is lifted already.');
  return known;
}

/** By the directory of now and that of when it was thrown: nobody gives an agent away to lift its switch. */
async function concernedBy(
  manager: EntityManager,
  { directories }: Pick<ApiContext, 'directories'>,
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

function eventsOf(id: string, reason: string, isLast: boolean): readonly RecordedEvent[] {
  const facts = { switch: id };
  const confirmed: RecordedEvent = { type: 'switch.lift_confirmed', facts, parts: { reason } };
  return isLast ? [confirmed, { type: 'switch.lifted', facts, parts: {} }] : [confirmed];
}
