import type { EntityManager } from 'typeorm';

import { STILL_MS } from '../domain/request/overdue.ts';
import { APPROVED, OPEN, UNSETTLED } from '../domain/request/status.ts';
import { columnOf, hasRows, rows, sqlList } from './rows.ts';
import type { RequestRow } from './tables.ts';

/** Workflows close what has expired within seconds; while workers were away, they get this long to catch up. */
const GRACE_MS = 60_000;

/** An approved request moves within seconds, and so does one whose execution is claimed anew. */
const WEDGED_MS = 15 * 60_000;

const ROWS_MAX = 500;

/** A request that is not over, with the run that is to finish it. */
export type Unfinished = Pick<RequestRow, 'id' | 'run_id'>;

/** A hold as it is on record; null of one that only the row has: it could hold a request back for ever. */
const HELD_UNTIL = `
  (select one.held_until where exists (
    select from audit.entry held where held.request = one.id and held.run_id = one.run_id and held.type = 'request.held'
      and held.leaf::jsonb -> 'facts' ->> 'until'
        = to_char(one.held_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))`;

/** The latest of what holds a request back by right: its hold, and how it was looked after at the target. */
const MOVED_AT = `
  greatest(updated_at, ${HELD_UNTIL}, (
    select max(coalesce(settled_at, claimed_at)) from keyturn.execution claim where claim.request = one.id))`;

/** Until when approvals of the round carry: past it a claim would need people again. Null where nobody had to approve. */
const APPROVED_UNTIL = `
  (select coalesce(max(at), updated_at) from keyturn.decision given
     where given.request = one.id and given.round = one.round and outcome = 'counted' and verdict = 'approve')
  + (select max((rule ->> 'maximum_age_ms')::numeric) from jsonb_array_elements(requirement -> 'rules') rule)
    * interval '1 millisecond'`;

/** While a claim is open, or is on record and nowhere else, nobody knows what came of it. */
const IS_CLAIMED = `
  exists (select from keyturn.execution claim where claim.request = one.id and claim.state = 'claimed')
  or exists (select from audit.entry claimed where claimed.request = one.id and type = 'execution.claimed'
    and not exists (select from keyturn.execution claim where claim.request = one.id
      and claim.attempt::text = claimed.leaf::jsonb -> 'facts' ->> 'attempt'))`;

/**
 * An approval ends with what it was given for: when its round has expired and no approval carries any more, unless a hold
 * is on record. $1 and $2 are milliseconds of grace and of standing still.
 */
const IS_OVERDUE = `
  case status
    when 'planning' then expires_at < clock_timestamp() - $1 * interval '1 millisecond'
      or updated_at < clock_timestamp() - $2 * interval '1 millisecond'
    when 'pending' then expires_at < clock_timestamp() - $1 * interval '1 millisecond'
    when 'approved' then case when requirement is null
      then ${MOVED_AT} < clock_timestamp() - $2 * interval '1 millisecond'
      else greatest(${HELD_UNTIL}, expires_at, ${APPROVED_UNTIL}) < clock_timestamp() - $1 * interval '1 millisecond' end
    when 'executing' then ${MOVED_AT} < clock_timestamp() - $2 * interval '1 millisecond' and not (${IS_CLAIMED})
  end`;

/** Requests that are past what may be waited for. */
export async function overdueRequests(manager: EntityManager): Promise<readonly Unfinished[]> {
  return rows(
    manager,
    `select id, run_id from keyturn.request one where status in ${sqlList(UNSETTLED)} and ${IS_OVERDUE}
     order by updated_at limit $3`,
    [GRACE_MS, STILL_MS, ROWS_MAX],
  );
}

/** True when the request is one of them by now. */
export async function isOverdue(manager: EntityManager, request: string): Promise<boolean> {
  const text = `select from keyturn.request one where id = $3 and ${IS_OVERDUE}`;
  return hasRows(manager, text, [GRACE_MS, STILL_MS, request]);
}

/** No step dates a request ahead: a row dated ahead is hidden from every query for requests that do not move. */
const IS_AHEAD = `updated_at > clock_timestamp() + interval '1 hour'`;

const AGREED = UNSETTLED.filter((status) => APPROVED.includes(status));

/** Approved or executing requests that nothing holds back and that do not move: somebody keeps their workflow from it. */
export async function wedgedRequests(manager: EntityManager): Promise<readonly string[]> {
  return columnOf(
    manager,
    `select id from keyturn.request one where status in ${sqlList(AGREED)}
       and (${MOVED_AT} < clock_timestamp() - $1 * interval '1 millisecond' or ${IS_AHEAD}) limit $2`,
    [WEDGED_MS, ROWS_MAX],
  );
}

/**
 * Requests that are not over and were quiet for so long. First those that should have moved on by now, then a random
 * choice: always the same oldest ones would hide an orphan behind many that wait for people, and walking through all of
 * them every time would cost too much.
 */
export async function quietRequests(manager: EntityManager, quietMs: number): Promise<readonly Unfinished[]> {
  return rows(
    manager,
    `select id, run_id from keyturn.request where status in ${sqlList(OPEN)}
       and (updated_at < clock_timestamp() - $1 * interval '1 millisecond' or ${IS_AHEAD})
     order by status = 'pending' and expires_at > now(), random() limit $2`,
    [quietMs, ROWS_MAX],
  );
}
