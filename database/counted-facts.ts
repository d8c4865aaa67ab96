import type { EntityManager } from 'typeorm';

import { lineageRoot } from '../domain/identity/directory.ts';
import type { Identity } from '../domain/identity/identity.ts';
import { amountOf, windowKey } from '../domain/policy/counting-windows.ts';
import type { HistoryFacts, WindowFacts } from '../domain/policy/built-in-facts.ts';
import type { PolicyQuery } from '../domain/policy/policy-query.ts';
import { DENIED, FAILED } from '../domain/request/status.ts';
import { queryPrepared } from './prepared.ts';
import type { RowStatement } from './row-statements.ts';
import { sqlList } from './rows.ts';

const DAY_MS = 86_400_000;

/** The request whose past is queried. */
export interface FactsSubject extends Pick<PolicyQuery, 'lineage' | 'at'> {
  /** Its id, so that it is not counted among its own past. */
  readonly id: string;
}

/** The answers to a requester stand in eight rows of numbers: see `number_gate_answer`. */
const NUMBERED = `keyturn.gate_answer
  where requester_issuer = $1 and requester_subject = $2 and slot = slots.slot and verdict = 'allowed'`;

/**
 * Answers on the spot are cheap, so there may be very many: they are not counted one by one, but by the numbers of the last
 * one and of the last one before the day. Where none is older, the first one is what counting starts at.
 */
const ANSWERS_QUERY = `
  select coalesce(sum(newest.nth - older.nth), 0)
  from generate_series(0, 7) as slots (slot)
  cross join lateral (select nth from ${NUMBERED} order by counted_at desc, nth desc limit 1) as newest
  cross join lateral (select coalesce(
    (select nth from ${NUMBERED} and counted_at <= $3 order by counted_at desc, nth desc limit 1),
    (select nth - 1 from ${NUMBERED} order by counted_at, nth limit 1)) as nth) as older`;

/** Counts the requester's past of a day; `historyValues` gives its parameters. */
export const HISTORY_QUERY = `
  select count(*) + (${ANSWERS_QUERY}) as requests,
         count(*) filter (where status in ${sqlList(DENIED)}) as denials,
         count(*) filter (where status in ${sqlList(FAILED)}) as failures
  from keyturn.request
  where requester_issuer = $1 and requester_subject = $2 and created_at > $3 and created_at <= $4 and id <> $5`;

/** The answer to `HISTORY_QUERY`. */
export interface HistoryRow {
  readonly requests: string;
  readonly denials: string;
  readonly failures: string;
}

/** The parameters of `HISTORY_QUERY`. */
export function historyValues({ id, lineage, at }: FactsSubject): readonly unknown[] {
  const { issuer, subject }: Identity = lineage[0] ?? { issuer: '', subject: '' };
  return [issuer, subject, new Date(at.getTime() - DAY_MS), at, id];
}

/** The past as policy sees it. */
export function historyFrom(row: HistoryRow | undefined): HistoryFacts {
  return {
    requests_24h: Number(row?.requests ?? 0),
    denials_24h: Number(row?.denials ?? 0),
    failures_24h: Number(row?.failures ?? 0),
  };
}

/** What came of the recent requests of the requester's account. */
export async function historyOf(manager: EntityManager, subject: FactsSubject): Promise<HistoryFacts> {
  const query = { name: 'history', text: HISTORY_QUERY };
  const [row] = await queryPrepared<HistoryRow>(manager, query, historyValues(subject));
  return historyFrom(row);
}

/** The request that windows count. */
export type WindowSubject = PolicyQuery & FactsSubject;

/**
 * Reserves this request's amount in every window that counts it, and says what each then holds: this request and those
 * that reserved before it, never later ones, so that asking again does not change the answer. Until the request is
 * claimed it counts however old it is; from then on by when that was.
 */
export async function reserveWindows(
  manager: EntityManager,
  subject: WindowSubject,
): Promise<Readonly<Record<string, WindowFacts>>> {
  const { id, at } = subject;
  return heldBy(subject, ({ window, key }) => {
    const since = new Date(at.getTime() - window.over_ms);
    const sql = 'select count, sum from keyturn.reserve_window($1, $2, $3, $4, $5, $6)';
    return manager.query(sql, [window.id, key, id, amountOf(window, subject), at, since]);
  });
}

/** The same for an answer on the spot: what it reserves is used at once. */
export async function reserveWindowsAtOnce(
  manager: EntityManager,
  subject: WindowSubject,
): Promise<Readonly<Record<string, WindowFacts>>> {
  const { id } = subject;
  return heldBy(subject, ({ window, key }) => {
    const sql = 'select count, sum from keyturn.reserve_window_at_once($1, $2, $3, $4, $5)';
    return manager.query(sql, [window.id, key, id, amountOf(window, subject), window.over_ms]);
  });
}

type HeldRow = { readonly count: string; readonly sum: string };

async function heldBy(
  subject: WindowSubject,
  reserve: (keyed: ReturnType<typeof windowsOf>[number]) => Promise<HeldRow[]>,
): Promise<Readonly<Record<string, WindowFacts>>> {
  const held: Record<string, WindowFacts> = {};
  for (const keyed of windowsOf(subject)) {
    const [row] = await reserve(keyed);
    held[keyed.window.id] = { count: Number(row?.count ?? 0), sum: Number(row?.sum ?? 0) };
  }
  return held;
}

/** What the windows would hold, without reserving anything. */
export async function previewWindows(
  manager: EntityManager,
  subject: WindowSubject,
): Promise<Readonly<Record<string, WindowFacts>>> {
  return heldBy(subject, ({ window, key }) => {
    const since = new Date(subject.at.getTime() - window.over_ms);
    return manager.query(PREVIEW, [window.id, key, since, amountOf(window, subject)]);
  });
}

/** Counts as the reserving functions do. */
const PREVIEW = `
  select count(*) + 1 as count, least(coalesce(sum(amount), 0) + $4::bigint, ${Number.MAX_SAFE_INTEGER}) as sum
  from keyturn.window_reservation
  where window_id = $1 and key = $2 and released_at is null and coalesce(claimed_at, 'infinity') > $3`;

/** In one order for all: else two requests could wait for each other for ever. */
function windowsOf({ policy, directory, lineage, action, target }: WindowSubject) {
  const root = lineageRoot(directory, lineage);
  return policy.windows
    .filter((window) => window.action.includes(action))
    .map((window) => ({
      window,
      key: windowKey(window, { action, target: target.id, root }),
    }))
    .sort((left, right) => (left.key < right.key ? -1 : 1));
}

/** What a request reserved is used from now on; null: not yet, after all. */
export function claimOfWindows(request: string, claimedAt: Date | null): RowStatement {
  return {
    text: 'update keyturn.window_reservation set claimed_at = $2 where request = $1 and released_at is null',
    values: [request, claimedAt],
  };
}

/** Gives back what a request reserved: it ended without having been executed. */
export function releaseOfWindows(request: string, at: Date): RowStatement {
  return {
    text: 'update keyturn.window_reservation set released_at = $2 where request = $1 and released_at is null',
    values: [request, at],
  };
}
