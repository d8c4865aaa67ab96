import { setTimeout as pause } from 'node:timers/promises';

import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';

import { assertLockHeld } from '../../../database/advisory-locks.ts';
import type { DirectoryReader } from '../../../database/directory-reader.ts';
import { recordOnCall, type OnCallAnswer } from '../../../database/on-call.ts';
import type { PolicyReader } from '../../../database/readers.ts';
import type { PolledRotation } from '../../../domain/calendar/polled-rotation.ts';
import { personOf, type Directory } from '../../../domain/identity/directory.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { every } from '../../every.ts';
import { countPoll, forgetRotations, noteHeard } from '../metrics.ts';
import { askSource } from './ask.ts';
import { ServiceFault } from './fetch-json.ts';
import type { OnCallSources } from './sources.ts';

/** How soon another replica goes on where one ended. */
const TAKE_OVER_MS = 5_000;

/** Time for one schedule, and for all schedules of one source: a slow service must not make others stale. */
const ANSWER_MS = 10_000;
const ROUND_MS = 45_000;

/** What it takes to ask services who is on call. */
export interface Polling {
  readonly source: DataSource;
  readonly policies: PolicyReader;
  readonly directories: DirectoryReader;
  readonly sources: OnCallSources;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Until it is stopped: asks the services that the active policy names who is on call, and keeps what they answer with the
 * instant at which it was heard. An answer that is missing changes nothing; how old what is known may be, policy says.
 */
export async function pollOnCall(work: Polling): Promise<void> {
  const loop = {
    ...work,
    everyMs: TAKE_OVER_MS,
    lock: 'polling',
    failed: 'cannot poll who is on call',
  } as const;
  await every(loop, (lock) => lead(work, lock).finally(forgetRotations));
}

/** Of all replicas one polls, for as long as it lives. */
async function lead(work: Polling, lock: EntityManager): Promise<void> {
  const conditions: Conditions = new Map();
  while (!work.signal.aborted) {
    const begunMs = performance.now();
    await assertLockHeld(lock);
    await poll(work, conditions);
    const spentMs = performance.now() - begunMs;
    const { signal, sources } = work;
    const restMs = Math.max(0, sources.everySeconds * 1_000 - spentMs);
    await pause(restMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What was last said of each rotation, so that the log has changes only. */
type Conditions = Map<string, string>;

async function poll(work: Polling, conditions: Conditions): Promise<void> {
  const active = await work.policies.active(work.source.manager);
  const rotations = active?.policy.polled_rotations ?? [];
  forgetRotations(new Set(rotations.map(({ id }) => id)));
  const sources = [...new Set(rotations.map(({ source }) => source))];
  await Promise.all(
    sources.map((name) => {
      const ended = AbortSignal.any([work.signal, AbortSignal.timeout(ROUND_MS)]);
      const ofSource = rotations.filter(({ source }) => source === name);
      return pollSource({ ...work, signal: ended }, ofSource, conditions);
    }),
  );
}

async function pollSource(
  work: Polling,
  rotations: readonly PolledRotation[],
  conditions: Conditions,
): Promise<void> {
  for (const rotation of rotations) {
    const answer = await ask(work, rotation);
    if (work.signal.aborted && 'fault' in answer) return;
    countPoll(rotation.source, 'fault' in answer ? 'failed' : 'answered');
    const condition = 'fault' in answer ? answer.fault : await keep(work, rotation, answer);
    if (conditions.get(rotation.id) === condition) continue;
    conditions.set(rotation.id, condition);
    const facts = { rotation: rotation.id, source: rotation.source, condition };
    if ('fault' in answer) work.log.warn(facts, 'a service does not say who is on call');
    else work.log.info(facts, 'a service says who is on call');
  }
}

async function ask(
  { sources, signal }: Polling,
  { source, schedule }: PolledRotation,
): Promise<OnCallAnswer | { readonly fault: string }> {
  const known = sources.byName.get(source);
  if (!known) return { fault: 'KEYTURN_ONCALL does not name this source' };
  try {
    return await askSource(known, schedule, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
  } catch (error) {
    // Anything else is a fault of ours, and ends the round.
    if (error instanceof ServiceFault || isKeyturnError(error)) return { fault: error.message };
    throw error;
  }
}

/** Keeps an answer. Says how many of its people the directory knows. */
async function keep(
  { source, directories, log }: Polling,
  rotation: PolledRotation,
  answer: OnCallAnswer,
): Promise<string> {
  const { opened, closed } = await recordOnCall(source.manager, answer);
  const { directory } = await directories.now(source.manager);
  const unlinked = unlinkedOf(directory, answer);
  noteHeard(rotation.id, unlinked);
  if (opened + closed > 0) log.info({ rotation: rotation.id, opened, closed }, 'who is on call has changed');
  return `${unlinked} of ${answer.members.length} people are not linked`;
}

/** Ids of the service that nobody has as an account: they are ignored, never guessed from a name or an address. */
function unlinkedOf(directory: Directory, { issuer, members, on_duty: onCall }: OnCallAnswer): number {
  const ids = [...new Set([...members, ...onCall])];
  return ids.filter((subject) => !personOf(directory, { issuer, subject })).length;
}
