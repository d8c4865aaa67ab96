import { SYSTEM_ACTOR } from './actors.ts';
import type { Dependencies } from './dependencies.ts';
import { eachRequest } from './each-request.ts';
import { consumeKept } from './kept-messages.ts';
import { recordStep, type StepTransaction } from './record.ts';

/** Workflows close what has expired within seconds; while workers were away, they get this long to catch up. */
const GRACE_MS = 60_000;

/** How long planning may take before anybody was asked: an outage of our own is waited for, but not for ever. */
const PLANNING_MS = 24 * 60 * 60_000;

const ROWS_MAX = 500;

interface Overdue {
  readonly id: string;
  readonly run_id: string;
}

/** Silence never approves, also where a workflow is stuck: what is overdue is closed as expired. Answers the requests. */
export async function expireOverdue(
  dependencies: Dependencies,
  namespace: string,
): Promise<readonly string[]> {
  const overdue = await overdueRequests(dependencies);
  const expired = await eachRequest(dependencies, overdue, async ({ id, run_id }) => {
    const at = new Date().toISOString();
    const place = { request: id, run: run_id, namespace, step: `overdue/${at}`, at };
    return recordStep(dependencies, place, async (transaction) => {
      await consumeKept(dependencies, transaction);
      return isOverdue(transaction) && expireNow(transaction);
    });
  });
  return expired.map(({ id }) => id);
}

async function overdueRequests({ source }: Dependencies): Promise<readonly Overdue[]> {
  return source.query(
    `select id, run_id from keyturn.request
     where status in ('planning', 'pending')
       and (expires_at < clock_timestamp() - $1 * interval '1 millisecond'
         or status = 'planning' and updated_at < clock_timestamp() - $2 * interval '1 millisecond')
     order by updated_at limit $3`,
    [GRACE_MS, PLANNING_MS, ROWS_MAX],
  );
}

/** Checked again under the lock of the request. */
function isOverdue({ row, now }: StepTransaction): boolean {
  if (row.status !== 'planning' && row.status !== 'pending') return false;
  const isPast = row.expires_at !== null && row.expires_at.getTime() + GRACE_MS < now.getTime();
  return isPast || (row.status === 'planning' && row.updated_at.getTime() + PLANNING_MS < now.getTime());
}

async function expireNow(transaction: StepTransaction): Promise<true> {
  const { row, place } = transaction;
  await transaction.move({ status: 'expired', open_selectors: [] }, ['planning', 'pending']);
  await transaction.append({
    type: 'request.expired',
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: null,
    facts: { round: row.round, found_by: 'sweep' },
    evidence: null,
    parts: {},
  });
  return true;
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
