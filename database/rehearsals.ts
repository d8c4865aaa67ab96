import type { EntityManager } from 'typeorm';

import type { BudgetRoot, Budgets } from '../domain/budgets.ts';

/** One rehearsal that is to begin. */
export interface RehearsalPlace {
  readonly request: string;
  readonly root: BudgetRoot;
  readonly target: string;
}

/** Takes a place for a rehearsal: 0, or after how many seconds there may be one. The place is given back by `endRehearsal`. */
export async function beginRehearsal(
  manager: EntityManager,
  { request, root, target }: RehearsalPlace,
  budgets: Budgets,
): Promise<number> {
  const limits = {
    at_once: budgets.rehearsalsAtOnce,
    seconds: budgets.secondsAnHour,
    refused: budgets.refusedAnHour,
  };
  const [row]: { seconds: number }[] = await manager.query(
    'select keyturn.begin_rehearsal($1, $2, $3, $4) as seconds',
    [request, root.id, target, limits],
  );
  return row?.seconds ?? 1;
}

/** Gives the place back. */
export async function endRehearsal(
  manager: EntityManager,
  request: string,
  isRefused: boolean,
): Promise<void> {
  await manager.query('select keyturn.end_rehearsal($1, $2)', [request, isRefused]);
}

/** After how many seconds the budgets of the last hour have room for one more; 0 when they do now. */
export async function rehearsalWait(
  manager: EntityManager,
  { root, target }: Omit<RehearsalPlace, 'request'>,
  budgets: Budgets,
): Promise<number> {
  const [row]: { seconds: number }[] = await manager.query(
    'select keyturn.rehearsal_wait($1, $2, $3, $4, false) as seconds',
    [root.id, target, budgets.secondsAnHour, budgets.refusedAnHour],
  );
  return row?.seconds ?? 1;
}

/** How many requests that these accounts asked or whose client they were have not ended, counted up to a limit. */
export async function openRequests(
  manager: EntityManager,
  { accounts }: BudgetRoot,
  limit: number,
): Promise<number> {
  const [row]: { open: number }[] = await manager.query(OPEN, [
    accounts.flatMap(({ issuer, subject }) =>
      ASKING.map((role) => JSON.stringify([{ role, issuer, subject }])),
    ),
    limit,
  ]);
  return row?.open ?? limit;
}

const ASKING = ['requester', 'trigger'];

/** The statuses in full: only so the partial index is used. */
const OPEN = `
  select count(*)::int as open from (
    select 1 from keyturn.request
     where status in ('planning', 'pending', 'approved', 'executing', 'active')
       and lineage @> any($1::jsonb[])
     limit $2) counted`;
