import type { EntityManager } from 'typeorm';

import type { BudgetRoot, Budgets } from '../domain/execution/budgets.ts';
import { KeyturnError } from '../domain/errors.ts';
import { OPEN } from '../domain/request/status.ts';
import { queryPrepared } from './prepared.ts';
import { firstRow, sqlList, valueOf } from './rows.ts';

/** One rehearsal that is to begin. */
export interface RehearsalSlot {
  readonly request: string;
  readonly root: BudgetRoot;
  readonly target: string;
}

/** A slot that was taken, or (null) after how many seconds there may be one. */
export interface BegunRehearsal {
  readonly id: string | null;
  readonly seconds: number;
}

/**
 * How a rehearsal ended. `refused` counts against its root. So does `locks`, where another request of the same root was
 * rehearsed at the target meanwhile: it may have held them. `nothing` says nothing about data, and never counts.
 */
export type RehearsalEnd = 'planned' | 'refused' | 'locks' | 'nothing';

/** Takes a slot for a rehearsal. It is given back by `endRehearsal`, or comes free with its lease. */
export async function beginRehearsal(
  manager: EntityManager,
  { request, root, target }: RehearsalSlot,
  budgets: Budgets,
): Promise<BegunRehearsal> {
  const limits = {
    at_once: budgets.rehearsalsAtOnce,
    seconds: budgets.secondsAnHour,
    refused: budgets.refusedAnHour,
  };
  const text = 'select id, seconds from keyturn.begin_rehearsal($1, $2, $3, $4)';
  const row = await firstRow<BegunRehearsal>(manager, text, [request, root.id, target, limits]);
  return row ?? { id: null, seconds: 1 };
}

/** Gives this one slot back, whatever else the same request has rehearsed. */
export async function endRehearsal(manager: EntityManager, id: string, end: RehearsalEnd): Promise<void> {
  await manager.query('select keyturn.end_rehearsal($1, $2)', [id, end]);
}

/** After how many seconds the budgets of the last hour have room for one more; 0 when they do now. */
export async function rehearsalWait(
  manager: EntityManager,
  { root, target }: Omit<RehearsalSlot, 'request'>,
  budgets: Budgets,
): Promise<number> {
  const text = 'select keyturn.rehearsal_wait($1, $2, $3, $4, false)';
  const values = [root.id, target, budgets.secondsAnHour, budgets.refusedAnHour];
  return (await valueOf<number>(manager, text, values)) ?? 1;
}

/** What is open of a root. */
export interface OpenRequests {
  /** Counted up to a limit. */
  readonly open: number;
  /** After so many seconds the first of them expires at the latest; null while none of them waits for people. */
  readonly seconds: number | null;
}

/** The requests that these accounts made or whose client they were and that have not ended. */
export async function openRequests(
  manager: EntityManager,
  { accounts }: BudgetRoot,
  limit: number,
): Promise<OpenRequests> {
  const [row]: OpenRequests[] = await manager.query(OPEN_REQUESTS, [requestingMembers(accounts), limit]);
  return row ?? { open: limit, seconds: null };
}

/** The same, and after how many seconds there is room for a rehearsal at a target; null: none is wanted. */
export async function budgetUse(
  manager: EntityManager,
  { root, target }: { readonly root: BudgetRoot; readonly target: string | null },
  budgets: Budgets,
): Promise<OpenRequests & { readonly rehearsalWait: number }> {
  const text = `select counted.*, case when $4::text is null then 0
      else keyturn.rehearsal_wait($3, $4, $5, $6, false) end as "rehearsalWait" from (${OPEN_REQUESTS}) counted`;
  const open = [requestingMembers(root.accounts), budgets.openRequests];
  const values = [...open, root.id, target, budgets.secondsAnHour, budgets.refusedAnHour];
  const [row] = await queryPrepared<OpenRequests & { rehearsalWait: number }>(manager, { text }, values);
  return row ?? { open: budgets.openRequests, seconds: null, rehearsalWait: 1 };
}

const LOCK_OPEN = {
  name: 'lock-open-requests',
  text: 'select pg_advisory_xact_lock(hashtextextended($1, 0)), clock_timestamp() as now',
};

/**
 * Until the end of the transaction nobody else counts the open requests of this root in order to add one. Answers the
 * database's clock.
 */
export async function lockOpenRequests(manager: EntityManager, { id }: BudgetRoot): Promise<Date> {
  const [row] = await queryPrepared<{ now: Date }>(manager, LOCK_OPEN, [`open requests of ${id}`]);
  if (!row) throw new KeyturnError('unavailable', 'The database does not tell the time.');
  return row.now;
}

function requestingMembers(accounts: BudgetRoot['accounts']): readonly string[] {
  return accounts.flatMap(({ issuer, subject }) =>
    ['requester', 'trigger'].map((role) => JSON.stringify([{ role, issuer, subject }])),
  );
}

const OPEN_REQUESTS = `
  select count(*)::int as open,
         ceil(extract(epoch from min(expires_at) filter (where status = 'pending') - clock_timestamp()))::int as seconds
    from (
    select status, expires_at from keyturn.request
     where status in ${sqlList(OPEN)}
       and lineage @> any($1::jsonb[])
     limit $2) counted`;
