import type { EntityManager } from 'typeorm';

import {
  STALENESS_MS,
  type ObservedRotation,
  type PolledRotation,
} from '../domain/calendar/polled-rotation.ts';
import type { PolledRotations } from '../domain/approval/on-call.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { valueOf } from './rows.ts';

/** One whole answer of a service about a rotation. */
export interface OnCallAnswer {
  readonly source: string;
  readonly schedule: string;
  /** What the ids are accounts of. */
  readonly issuer: string;
  /** Ids of everybody in the rotation. */
  readonly members: readonly string[];
  /** Ids of everybody who is on call. */
  readonly on_duty: readonly string[];
}

/** Keeps what a service just answered, dated by the database's clock. Answers how many intervals were opened and closed. */
export async function recordOnCall(
  manager: EntityManager,
  answer: OnCallAnswer,
): Promise<{ readonly opened: number; readonly closed: number }> {
  const text = 'select keyturn.observe_duty($1)';
  const changes = await valueOf<{ opened: number; closed: number }>(manager, text, [JSON.stringify(answer)]);
  return changes ?? { opened: 0, closed: 0 };
}

/** The policy of a request's creation, and when that was. */
export interface OnCallAtCreation {
  readonly creation: PolicySet;
  readonly createdAt: Date;
}

/** Rotations that services keep. Absent where policy knows none. */
export interface OnCall {
  readonly polled?: PolledRotations;
}

/** The rotations that services keep by these policies, with what services said of them. Queries nothing where there are none. */
export async function readOnCall(
  manager: EntityManager,
  { now, ...request }: OnCallAtCreation & { readonly now: PolicySet },
): Promise<OnCall> {
  const [onCall = {}] = await readOnCallOfEach(manager, now, [request]);
  return onCall;
}

/** The same for many requests, by one query for all of them. */
export async function readOnCallOfEach(
  manager: EntityManager,
  now: PolicySet,
  requests: readonly OnCallAtCreation[],
): Promise<readonly OnCall[]> {
  const { polled_rotations: current = [] } = now;
  const former = new Set(requests.flatMap(({ creation }) => creation.polled_rotations ?? []));
  if (current.length + former.size === 0) return requests.map(() => ({}));
  const first = new Date(Math.min(...requests.map(({ createdAt }) => createdAt.getTime())));
  const observed = await observedSince(manager, [...new Set([...current, ...former])], first);
  const read_at = new Date().toISOString();
  return requests.map(({ creation: { polled_rotations: at_creation = [] }, createdAt }) => {
    if (current.length + at_creation.length === 0) return {};
    return { polled: { now: current, at_creation, observed, created_at: createdAt.toISOString(), read_at } };
  });
}

/** What services said of rotations from an instant on, and before it as far back as that can still be known at it. */
export async function observedSince(
  manager: EntityManager,
  rotations: readonly PolledRotation[],
  since: Date,
): Promise<readonly ObservedRotation[]> {
  const names = rotations.map(({ source, schedule }) => ({ source, schedule }));
  return manager.query(QUERY, [JSON.stringify(names), since, new Date(since.getTime() - STALENESS_MS.max)]);
}

const people = (isOnCall: boolean): string =>
  `(select coalesce(json_agg(json_build_object('issuer', issuer, 'subject', subject, 'from', valid_from, 'to', valid_to)
      order by id), '[]')
    from keyturn.duty_person one where one.rotation = duty_rotation.id and is_on_duty = ${isOnCall}
      and (valid_to is null or valid_to > $2))`;

const QUERY = `select source, schedule, ${people(false)} as members, ${people(true)} as on_duty,
    (select coalesce(json_agg(json_build_object('from', heard_from, 'to', heard_to) order by heard_from), '[]')
     from keyturn.duty_heard span where span.rotation = duty_rotation.id and heard_to >= $3) as heard
  from keyturn.duty_rotation
  where (source, schedule) in (select source, schedule
    from jsonb_to_recordset($1::jsonb) as wanted (source text, schedule text))`;
