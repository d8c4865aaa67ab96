import { waitFor } from '../../stack/wait.ts';
import { approve, ask, askPending, claimsOf, limitOf, type Submitted, type Journey } from './journey.ts';
import { Lock } from './locks.ts';

/**
 * The steps at which a process can die, each made by real locks:
 *
 *   receiving    accepted, its row not yet written
 *   planning     the dry run is over, the plan not yet stored
 *   pending      people are asked
 *   deciding     an approval was acknowledged and is not yet counted
 *   claiming     approved, not yet claimed
 *   committing   claimed, and changed in a transaction of the target that is still open
 *   settling     the target has committed, the result is not yet recorded
 */
export const MOMENTS = [
  'pending',
  'deciding',
  'settling',
  'committing',
  'claiming',
  'planning',
  'receiving',
] as const;
export type Moment = (typeof MOMENTS)[number];

/** A request that stands still. */
export interface Frozen {
  readonly request: Submitted;
  /** True when people have still to be asked, or to answer. */
  readonly isUndecided: boolean;
  /** Lets the request go on. */
  release(): Promise<void>;
}

/** Brings one new request to each moment, in the order of MOMENTS: later locks would stop the earlier ones. */
export async function freezeAt(
  journey: Journey,
  moments: readonly Moment[] = MOMENTS,
): Promise<ReadonlyMap<Moment, Frozen>> {
  const frozen = new Map<Moment, Frozen>();
  try {
    for (const moment of MOMENTS.filter((candidate) => moments.includes(candidate))) {
      frozen.set(moment, await FREEZE[moment](journey));
    }
    return frozen;
  } catch (error) {
    await releaseAll(frozen);
    throw error;
  }
}

/** Lets all of them go on. */
export async function releaseAll(frozen: ReadonlyMap<Moment, Frozen>): Promise<void> {
  await Promise.all([...frozen.values()].map((one) => one.release()));
}

const FREEZE: Readonly<Record<Moment, (journey: Journey) => Promise<Frozen>>> = {
  deciding: freezeDeciding,
  settling: freezeSettling,
  committing: freezeCommitting,
  claiming: freezeClaiming,
  planning: freezePlanning,
  receiving: freezeReceiving,
  pending: async (journey) => frozen(await askPending(journey), true, []),
};

function frozen(request: Submitted, isUndecided: boolean, locks: readonly Lock[]): Frozen {
  return {
    request,
    isUndecided,
    release: async () => {
      await Promise.all(locks.map((lock) => lock.release()));
    },
  };
}

const LOCK_REQUEST = 'select 1 from keyturn.request where id = $1 for update';

async function freezeDeciding(journey: Journey): Promise<Frozen> {
  const request = await askPending(journey);
  const lock = await lockKeyturn(journey, LOCK_REQUEST, [request.id]);
  const { status } = await approve(journey, request);
  if (status !== 202) throw new Error('The approval was counted in spite of the lock.');
  return frozen(request, false, [lock]);
}

async function freezeReceiving(journey: Journey): Promise<Frozen> {
  const lock = await lockKeyturn(journey, 'lock table keyturn.request in share mode');
  const request = await ask(journey, { wait: 0 });
  await lock.isWaitedFor(journey.stack);
  return frozen(request, true, [lock]);
}

async function freezePlanning(journey: Journey): Promise<Frozen> {
  const lock = await lockKeyturn(journey, 'lock table keyturn.plan in share mode');
  const request = await ask(journey, { wait: 0 });
  await lock.isWaitedFor(journey.stack);
  return frozen(request, true, [lock]);
}

async function freezeClaiming(journey: Journey): Promise<Frozen> {
  const request = await askPending(journey);
  const lock = await holdClaims(journey);
  await approve(journey, request);
  await lock.isWaitedFor(journey.stack);
  await journey.stack.waitForStatus(request.id, 'approved');
  return frozen(request, false, [lock]);
}

/** Approved requests are not claimed until this is let go: a claim reads the active policy under a lock of its own. */
export function holdClaims(journey: Journey): Promise<Lock> {
  return lockKeyturn(journey, 'select 1 from keyturn.policy_active for update');
}

async function freezeCommitting(journey: Journey): Promise<Frozen> {
  const { request, gate } = await freezeAfterClaim(journey);
  const sql = 'select 1 from keyturn.execution where request = $1 for update';
  const lock = await lockKeyturn(journey, sql, [request.id]);
  await gate.release();
  await lock.isWaitedFor(journey.stack);
  return frozen(request, false, [lock]);
}

async function freezeSettling(journey: Journey): Promise<Frozen> {
  const { request, gate } = await freezeAfterClaim(journey);
  const lock = await lockKeyturn(journey, LOCK_REQUEST, [request.id]);
  await gate.release();
  await lock.isWaitedFor(journey.stack);
  await waitFor({
    what: 'the target to commit',
    check: async () => (await limitOf(journey.stack, request.account)) !== request.limit || undefined,
  });
  return frozen(request, false, [lock]);
}

/**
 * The claim waits for the first gate; the second one queues behind the claim, so that it is held from the claim's
 * commit on, and stops the note that the executor makes right before the target's commit.
 */
async function freezeAfterClaim(journey: Journey): Promise<{ request: Submitted; gate: Lock }> {
  const { stack } = journey;
  const request = await askPending(journey);
  const sql = 'lock table keyturn.execution in share mode';
  const first = await lockKeyturn(journey, sql);
  await approve(journey, request);
  await first.isWaitedFor(stack);
  const gate = await Lock.request(stack.databases.keyturn.admin, sql);
  await gate.isQueued(stack);
  await first.release();
  await gate.isHeld();
  await gate.isWaitedFor(stack);
  const claims = await claimsOf(stack, request.id, 'claimed');
  if (claims !== 1) throw new Error(`There are ${claims} claims instead of one.`);
  return { request, gate };
}

function lockKeyturn({ stack }: Journey, sql: string, values: readonly unknown[] = []): Promise<Lock> {
  return Lock.take(stack.databases.keyturn.admin, sql, values);
}
