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
import { sessionOf } from '../auth/session-of.ts';
import { recordOf, type RecordedEvent, type RecordedPerson } from '../entries.ts';

/** A kill switch, and who agreed to release it. */
export interface KnownSwitch {
  readonly killSwitch: KillSwitch;
  readonly lifts: readonly SwitchLift[];
}

/** A call to release a kill switch. */
export interface ReleaseCall {
  readonly id: string;
  readonly reason: string;
  readonly idempotencyKey: string | null;
}

/**
 * Records that an operator agrees to release a kill switch; the agreement of a second, different person releases it. The
 * same call again counts once.
 */
export async function releaseSwitch(
  context: Pick<ApiContext, 'source' | 'keys' | 'directories'>,
  caller: Caller,
  { id, reason, idempotencyKey }: ReleaseCall,
): Promise<KnownSwitch> {
  const operator = operatorOf(caller);
  sessionOf(caller);
  const call = namedCall(context, operator, { id, reason, idempotencyKey });
  return context.source.transaction(async (manager) => {
    const last = await lockSwitchLog(manager);
    const again = await agreedBefore(manager, { id, person: operator.person, call });
    if (again) return again;
    const { killSwitch, lifts } = await releasable(manager, id);
    const concerned = await concernedBy(manager, context, { caller, killSwitch });
    if (concerned.has(operator.person)) {
      throw new KeyturnError(
        'self_approval',
        'This switch stops you or an agent that you own, so other operators have to release it.',
      );
    }
    if (lifts.some((lift) => lift.person === operator.person)) {
      throw new KeyturnError(
        'already_decided',
        'You have agreed already. Another operator has to agree as well.',
      );
    }
    const at = new Date().toISOString();
    const counted = countedLifts(caller, lifts).filter(({ person }) => !concerned.has(person));
    const isLast = counted.length + 1 >= LIFTS_NEEDED;
    const recording = { identityKey: context.keys.identity, stream: 'switches', by: operator, at, last };
    const record = recordOf(recording, eventsOf(id, reason, isLast));
    const lift = { person: operator.person, at };
    await storeLift(manager, { ...lift, switch: id, call: call && `${call.made}${call.said}` }, record);
    return { killSwitch: { ...killSwitch, lifted_at: isLast ? at : null }, lifts: [...lifts, lift] };
  });
}

/** Digests of a call with an Idempotency-Key and of what it says. */
interface NamedCall {
  readonly made: string;
  readonly said: string;
}

function namedCall(
  { keys }: Pick<ApiContext, 'keys'>,
  { identity: { issuer, subject } }: RecordedPerson,
  { id, reason, idempotencyKey }: ReleaseCall,
): NamedCall | null {
  if (idempotencyKey === null) return null;
  const made = keyedId('call', keys.identity, ['lift', issuer, subject, id, idempotencyKey]);
  return { made, said: keyedId('said', keys.identity, [made, reason]) };
}

/** The switch as it is now, when this call was made before; else null. */
async function agreedBefore(
  manager: EntityManager,
  { id, person, call }: { readonly id: string; readonly person: string; readonly call: NamedCall | null },
): Promise<KnownSwitch | null> {
  if (call === null || !switchIdSchema.safeParse(id).success) return null;
  const first = await readLiftCall(manager, { switch: id, person });
  if (first?.startsWith(call.made) !== true) return null;
  if (first !== `${call.made}${call.said}`) throw keyReused();
  return knownSwitch(manager, id);
}

async function knownSwitch(manager: EntityManager, id: string): Promise<KnownSwitch> {
  const killSwitch = switchIdSchema.safeParse(id).success ? await readSwitch(manager, id) : null;
  if (!killSwitch) throw new KeyturnError('not_found', 'There is no such kill switch.');
  return { killSwitch, lifts: (await readLifts(manager, [id])).get(id) ?? [] };
}

async function releasable(manager: EntityManager, id: string): Promise<KnownSwitch> {
  const known = await knownSwitch(manager, id);
  if (known.killSwitch.lifted_at !== null)
    throw new KeyturnError('switch_lifted', 'This kill switch is released already.');
  return known;
}

/** By the directory of now and that of its engagement: nobody can give an agent away to release its switch. */
async function concernedBy(
  manager: EntityManager,
  { directories }: Pick<ApiContext, 'directories'>,
  { caller, killSwitch }: { readonly caller: Caller; readonly killSwitch: KillSwitch },
): Promise<ReadonlySet<string>> {
  const then = await directories.at(manager, new Date(killSwitch.thrown_at));
  return new Set([caller.directory, then].flatMap((known) => peopleStopped(killSwitch, known)));
}

/** Agreements of people who are no longer operators do not count. */
function countedLifts({ policy, directory }: Caller, lifts: readonly SwitchLift[]): readonly SwitchLift[] {
  const { operators } = policy.policy;
  return lifts.filter(({ person }) => isOperator(operators, directory, person));
}

function eventsOf(id: string, reason: string, isLast: boolean): readonly RecordedEvent[] {
  const facts = { switch: id };
  const confirmed: RecordedEvent = { type: 'switch.lift_confirmed', facts, parts: { reason } };
  return isLast ? [confirmed, { type: 'switch.lifted', facts, parts: {} }] : [confirmed];
}
