import { STILL_MS } from '../../domain/request/overdue.ts';
import { sqlList } from '../../database/status-sql.ts';
import { APPROVED, UNSETTLED } from '../../domain/request/request.ts';
import { closeExpired, closeLost } from '../close-request.ts';
import type { Dependencies } from '../dependencies.ts';
import { eachRequest } from './each-request.ts';
import { consumeKept } from './kept-messages.ts';
import { recordStep, type StepTransaction } from '../record.ts';

/** Workflows close what has expired within seconds; while workers were away, they get this long to catch up. */
const GRACE_MS = 60_000;

/** An approved request moves within seconds, and so does one whose execution is claimed anew. */
const WEDGED_MS = 15 * 60_000;

const ROWS_MAX = 500;

interface Overdue {
  readonly id: string;
  readonly run_id: string;
}

/** Silence never approves, also where a workflow is stuck: what is overdue is closed. Answers the requests. */
export async function expireOverdue(
  dependencies: Dependencies,
  namespace: string,
): Promise<readonly string[]> {
  const overdue = await overdueRequests(dependencies);
  const expired = await eachRequest(dependencies, overdue, async ({ id, run_id }) => {
    const at = new Date().toISOString();
    const place = { request: id, run: run_id, namespace, step: `overdue/${at}`, at };
    return recordStep(dependencies, place, async (transaction) => {
      const { status } = transaction.row;
      await consumeKept(dependencies, transaction);
      // What was kept may have moved it: then a later sweep looks at what it is now.
      if (transaction.row.status !== status || !(await isOverdue(transaction))) return false;
      await closeOverdue(transaction);
      return true;
    });
  });
  return expired.map(({ id }) => id);
}

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

/** Until when approvals of the round carry: past it a claim would ask people again. Null where nobody was asked. */
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

async function overdueRequests({ source }: Dependencies): Promise<readonly Overdue[]> {
  return source.query(
    `select id, run_id from keyturn.request one
     where status in ${sqlList(UNSETTLED)} and ${IS_OVERDUE}
     order by updated_at limit $3`,
    [GRACE_MS, STILL_MS, ROWS_MAX],
  );
}

/** Checked again under the lock of the request. */
async function isOverdue({ manager, row }: StepTransaction): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `select 1 from keyturn.request one where id = $3 and ${IS_OVERDUE}`,
    [GRACE_MS, STILL_MS, row.id],
  );
  return rows.length > 0;
}

/** Without a claim nothing has happened: what was not executed has expired, and an execution has failed. */
async function closeOverdue(transaction: StepTransaction): Promise<void> {
  if (transaction.row.status === 'executing') await closeLost(transaction, 'did not go on with it');
  else await closeExpired(transaction, 'expire_overdue', { facts: { found_by: 'sweep' } });
}

/** No step dates a request ahead: a row dated ahead is hidden from every query for requests that do not move. */
export const IS_AHEAD = `updated_at > clock_timestamp() + interval '1 hour'`;

const AGREED = UNSETTLED.filter((status) => APPROVED.includes(status));

/** Approved or executing requests that nothing holds back and that do not move: somebody keeps their workflow from it. */
export async function wedgedRequests({ source }: Dependencies): Promise<readonly string[]> {
  const rows: { id: string }[] = await source.query(
    `select id from keyturn.request one where status in ${sqlList(AGREED)}
       and (${MOVED_AT} < clock_timestamp() - $1 * interval '1 millisecond' or ${IS_AHEAD}) limit $2`,
    [WEDGED_MS, ROWS_MAX],
  );
  return rows.map(({ id }) => id);
}

/** Requests that are not being executed though a claim on them is open. Steps and database let none come to be. */
export async function hiddenClaims({ source }: Dependencies): Promise<readonly string[]> {
  const rows: { request: string }[] = await source.query(
    `select claim.request from keyturn.execution claim join keyturn.request held on held.id = claim.request
     where claim.state = 'claimed' and held.status <> 'executing' limit $1`,
    [ROWS_MAX],
  );
  return rows.map(({ request }) => request);
}
