import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { columnOf, firstRow, hasRows, rows, valueOf } from './rows.ts';
import { queryPrepared } from './prepared.ts';
import { selection } from './row-statements.ts';
import { executionTable, type ExecutionRow, type RequestRow } from './tables.ts';

/** One claim, by what names it. */
export type ClaimKey = Pick<ExecutionRow, 'request' | 'attempt'>;

/** True while a claim on the request is open: then nobody knows yet what the target says. */
export async function isClaimed(manager: EntityManager, request: string): Promise<boolean> {
  return (await openClaim(manager, request)) !== null;
}

/** The claim that nobody has settled yet, or null. */
export async function openClaim(manager: EntityManager, request: string): Promise<ExecutionRow | null> {
  return executionIn(manager, request, 'claimed');
}

/** The execution of a request that is in this state, or null. */
export async function executionIn(
  manager: EntityManager,
  request: string,
  state: 'claimed' | 'indeterminate',
): Promise<ExecutionRow | null> {
  const row = await firstRow<ExecutionRow>(
    manager,
    `${selection(executionTable)} where request = $1 and state = $2`,
    [request, state],
  );
  return row ?? null;
}

/** The state of a claim by now. */
export async function executionState(
  manager: EntityManager,
  { request, attempt }: ClaimKey,
): Promise<ExecutionRow['state'] | null> {
  const text = 'select state from keyturn.execution where request = $1 and attempt = $2';
  return valueOf(manager, text, [request, attempt]);
}

/** The claims that there were on a request. */
export interface ClaimCounts {
  readonly count: number;
  /** Those that were about to commit. */
  readonly sent: number;
  /** True when some claim is on record and not in its table. */
  readonly is_missing: boolean;
}

const COUNTS = {
  name: 'claim-counts',
  text: `
    select count(*)::int as count, count(*) filter (where transaction_id is not null or state <> 'not_done')::int as sent,
           exists (select from audit.entry claimed where request = $1 and type = 'execution.claimed' and not exists (
             select from keyturn.execution
             where request = $1 and attempt::text = claimed.leaf::jsonb -> 'facts' ->> 'attempt')) as is_missing
      from keyturn.execution where request = $1`,
};

/** The claims that there were on a request by now. */
export async function countClaims(manager: EntityManager, request: string): Promise<ClaimCounts> {
  const [row] = await queryPrepared<ClaimCounts>(manager, COUNTS, [request]);
  return row ?? { count: 0, sent: 0, is_missing: true };
}

/** The digest of the policy that a claim was made under, as its entry has it. */
export async function policyOfClaim(
  manager: EntityManager,
  { request, attempt }: ClaimKey,
): Promise<string | null> {
  return valueOf(
    manager,
    `select leaf::jsonb -> 'policy' ->> 'digest' from audit.entry
     where request = $1 and type = 'execution.claimed' and (leaf::jsonb -> 'facts' ->> 'attempt')::int = $2`,
    [request, attempt],
  );
}

/** Locks a claim whose run has not noted a transaction. False when it has, or when the claim is not open. */
export async function lockUnsentClaim(
  manager: EntityManager,
  { request, attempt }: ClaimKey,
): Promise<boolean> {
  return hasRows(
    manager,
    `select 1 from keyturn.execution
     where request = $1 and attempt = $2 and state = 'claimed' and transaction_id is null for update`,
    [request, attempt],
  );
}

/** Notes the transaction in which a run commits at its target. False when the claim is not open any more. */
export async function noteTransaction(
  manager: EntityManager,
  { request, attempt }: ClaimKey,
  transactionId: string,
): Promise<boolean> {
  return hasRows(
    manager,
    `with noted as (
       update keyturn.execution set transaction_id = $3
       where request = $1 and attempt = $2 and state = 'claimed' returning 1)
     select * from noted`,
    [request, attempt, transactionId],
  );
}

/** What came of a claim. */
export interface ClaimOutcome {
  readonly from: readonly ('claimed' | 'indeterminate')[];
  readonly state: Exclude<ExecutionRow['state'], 'claimed'>;
  readonly at: Date;
  readonly outcome: Readonly<Record<string, JsonValue>>;
}

/** Records what came of a claim. False when it was in none of the states that this may change. */
export async function settleClaim(
  manager: EntityManager,
  { request, attempt }: ClaimKey,
  { from, state, at, outcome }: ClaimOutcome,
): Promise<boolean> {
  return hasRows(
    manager,
    `with settled as (
       update keyturn.execution set state = $3, settled_at = $4, outcome = $5
       where request = $1 and attempt = $2 and state = any($6) returning 1)
     select * from settled`,
    [request, attempt, state, at, JSON.stringify(outcome), from],
  );
}

/** A target that cannot tell is queried again for so long; then the outcome is unknown. */
const QUERIED_FOR_MS = 45 * 60_000;

/** After a pause as long as this, Keyturn was away itself: earlier queries without an answer say nothing of the target. */
const PAUSE_MAX_MS = 30 * 60_000;

/**
 * Notes that a target could not tell the outcome of a claim. True when it was queried several times over three quarters of
 * an hour without a long pause, so that one unanswered query after an outage is never the last. `everyMs` is how often it
 * is queried.
 */
export async function noteUnanswered(
  manager: EntityManager,
  { request, attempt }: ClaimKey,
  everyMs: number,
): Promise<boolean> {
  const isLong = await valueOf<boolean>(
    manager,
    `with noted as (
       update keyturn.execution set unanswered_at = clock_timestamp(), unanswered_since =
         case when unanswered_at > clock_timestamp() - $3 * interval '1 millisecond' then unanswered_since
           else clock_timestamp() end
       where request = $1 and attempt = $2 and state = 'claimed' returning unanswered_since)
     select unanswered_since < clock_timestamp() - $4 * interval '1 millisecond' from noted`,
    [request, attempt, Math.max(PAUSE_MAX_MS, 3 * everyMs), QUERIED_FOR_MS],
  );
  return isLong ?? false;
}

/**
 * Requests whose claim is open for long. First those whose target was queried longest ago, or never: a target that does
 * not answer must not hold up the others. Then as many at random: claims whose query always fails must not hold them up
 * either.
 */
export async function oldClaims(
  manager: EntityManager,
  { oldMs, limit }: { readonly oldMs: number; readonly limit: number },
): Promise<readonly Pick<RequestRow, 'id' | 'run_id'>[]> {
  return rows(
    manager,
    `with old as materialized (
       select id, run_id, unanswered_at from keyturn.execution claim join keyturn.request held on held.id = claim.request
       where claim.state = 'claimed' and claim.claimed_at < clock_timestamp() - $1 * interval '1 millisecond'
         and held.status = 'executing'),
     longest as (
       select id, run_id, row_number() over (order by unanswered_at nulls first, random()) as place
         from old order by place limit $2),
     others as (select id, run_id, $2::bigint + 1 as place from old order by random() limit $2)
     select id, run_id from (table longest union all table others) chosen
      group by id, run_id order by min(place)`,
    [oldMs, limit / 2],
  );
}

/** Requests that are not being executed though a claim on them is open. Steps and database let none come to be. */
export async function hiddenClaims(manager: EntityManager, limit: number): Promise<readonly string[]> {
  return columnOf(
    manager,
    `select claim.request from keyturn.execution claim join keyturn.request held on held.id = claim.request
     where claim.state = 'claimed' and held.status <> 'executing' limit $1`,
    [limit],
  );
}

/** The number of the transaction that this manager is in. */
export async function ownTransactionId(manager: EntityManager): Promise<string> {
  return (await valueOf<string>(manager, 'select pg_current_xact_id()::text')) ?? '';
}
