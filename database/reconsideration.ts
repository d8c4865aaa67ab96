import type { EntityManager } from 'typeorm';

import type { WaitingRequest } from '../domain/execution/reconsideration.ts';
import { valueOf } from './rows.ts';

/** The generations of policy and directory, as one text (`policy/directory`): another one means that something changed. */
export async function generationsNow(manager: EntityManager): Promise<string> {
  const now = await valueOf<string>(
    manager,
    `select (select generation from keyturn.policy_active) || '/' ||
            coalesce((select generation from keyturn.directory_state), 0)`,
  );
  return now ?? '';
}

/** The generations that every waiting request has been held against. */
export async function generationsSeen(manager: EntityManager): Promise<string> {
  return (await valueOf<string>(manager, 'select seen from keyturn.reconsideration')) ?? '';
}

/** Notes that every waiting request has been held against these generations. */
export async function noteSeen(manager: EntityManager, seen: string): Promise<void> {
  await manager.query('update keyturn.reconsideration set seen = $1', [seen]);
}

/** Requests that wait for people, by id, after the given one; with the facts of their last evaluation and approvals. */
export async function waitingRequests(
  manager: EntityManager,
  after: string,
  limit: number,
): Promise<readonly (WaitingRequest & { readonly run_id: string })[]> {
  return manager.query(
    `select request.id, request.run_id, request.action, request.target, request.owner_key, request.lineage, request.requirement,
            request.shortage, facts.body as facts, coalesce(approved.approvals, '[]') as approvals
     from keyturn.request
     left join lateral (
       select facts_digest from keyturn.evaluation
       where evaluation.request = request.id and phase = 'planned' order by evaluation.id desc limit 1) last on true
     left join lateral (
       select jsonb_agg(jsonb_build_object('person', person, 'seats', seats, 'at', at)) as approvals
       from keyturn.decision
       where decision.request = request.id and decision.round = request.round
         and outcome = 'counted' and verdict = 'approve' and not exists (
           select from keyturn.decision later where later.request = decision.request
             and later.takes_back = decision.id and later.outcome = 'counted')) approved on true
     left join keyturn.fact_set facts on facts.digest = last.facts_digest
     where request.status = 'pending' and request.id > $1
     order by request.id limit $2`,
    [after, limit],
  );
}
