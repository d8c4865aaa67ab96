import type { EntityManager } from 'typeorm';

import type { DecidableRequest } from '../domain/approval/seats.ts';
import { planDigest } from '../domain/request/digests.ts';
import { KeyturnError } from '../domain/errors.ts';
import { ownersOf } from '../domain/approval/owners.ts';
import { policyDigest, type PolicySet } from '../domain/policy/policy.ts';
import { OPEN } from '../domain/request/status.ts';
import type { CountedDecision } from '../domain/approval/quorum.ts';
import { questionEntry, selectQuestions, type QuestionEntry, type QuestionRow } from './questions.ts';
import { queryPrepared, type PreparedQuery } from './prepared.ts';
import { selection } from './row-statements.ts';
import { sqlList, valueOf } from './rows.ts';
import { decisionTable, planTable, requestTable } from './tables.ts';
import type { DecisionRow, PlanRow, RequestRow } from './tables.ts';

/** The active policy with its digest and generation. */
export interface ActivePolicy {
  readonly generation: string;
  readonly digest: string;
  readonly policy: PolicySet;
}

/** Policy sets never change, so a process parses each once. Bounded: a process sees few sets in its life. */
const POLICIES_MAX = 64;

const ACTIVE = { name: 'active-policy', text: 'select generation, digest from keyturn.policy_active' };

/** Reads policy sets, each body once. One instance a process. */
export class PolicyReader {
  readonly #bodies = new Map<string, PolicySet>();

  /** The active set, or null before the first one is installed: without a policy nothing is allowed. */
  async active(manager: EntityManager): Promise<ActivePolicy | null> {
    const [row] = await queryPrepared<{ generation: string; digest: string }>(manager, ACTIVE, []);
    if (!row) return null;
    return { ...row, policy: await this.byDigest(manager, row.digest) };
  }

  /** The set with this digest. Throws when the database does not hold it: then nothing may be decided by it. */
  async byDigest(manager: EntityManager, digest: string): Promise<PolicySet> {
    const policy = this.#bodies.get(digest) ?? (await readPolicy(manager, digest));
    // The longest unused is forgotten first.
    this.#bodies.delete(digest);
    this.#bodies.set(digest, policy);
    const [oldest] = this.#bodies.keys();
    if (this.#bodies.size > POLICIES_MAX && oldest !== undefined) this.#bodies.delete(oldest);
    return policy;
  }
}

async function readPolicy(manager: EntityManager, digest: string): Promise<PolicySet> {
  const text = 'select body from keyturn.policy_set where digest = $1';
  const body = await valueOf<PolicySet>(manager, text, [digest]);
  if (!body) throw new Error('The database does not hold a policy that is referred to.');
  // A stored set may have been changed by hand: it is only what its digest says.
  if (policyDigest(body) !== digest)
    throw new KeyturnError('policy_invalid', 'A stored policy is not the one that its digest names.');
  // A set of a later version may mean something else by the same words: nothing of it is guessed.
  if ((body.version as string) !== 'keyturn/v1')
    throw new KeyturnError('unavailable', 'The policy is of a version that this process does not know.');
  return body;
}

/** The request with the id that is the first parameter. */
export const REQUEST = { name: 'request', text: `${selection(requestTable)} where id = $1` };
const LOCKED_REQUEST = { name: 'locked-request', text: `${REQUEST.text} for update` };

/** The request, or null. */
export async function readRequest(manager: EntityManager, id: string): Promise<RequestRow | null> {
  const [row] = await queryPrepared<RequestRow>(manager, REQUEST, [id]);
  return row ?? null;
}

const MOVED: PreparedQuery = {
  name: 'moved-request',
  text: `select from keyturn.request where id = $1 and (version > $2 or status not in ${sqlList(OPEN)})`,
};

/** True once a request has a version after this one, or is over. */
export async function hasMoved(manager: EntityManager, id: string, version: number): Promise<boolean> {
  return (await queryPrepared(manager, MOVED, [id, version])).length > 0;
}

/** The request, locked until the transaction ends, or null. */
export async function lockedRequest(manager: EntityManager, id: string): Promise<RequestRow | null> {
  const [row] = await queryPrepared<RequestRow>(manager, LOCKED_REQUEST, [id]);
  return row ?? null;
}

const DECISIONS = {
  name: 'decisions',
  text: `${selection(decisionTable)} where request = $1 order by recorded_at, id`,
};

/** All decisions of a request, all rounds, in the order of recording. */
export async function readDecisions(
  manager: EntityManager,
  request: string,
): Promise<readonly DecisionRow[]> {
  return queryPrepared<DecisionRow>(manager, DECISIONS, [request]);
}

/** A request with all its decisions, in the order of recording. */
export interface DecidedRow {
  readonly row: RequestRow;
  readonly decisions: readonly DecisionRow[];
  /** What was asked and answered about it, oldest first, where that was read. */
  readonly questions?: readonly QuestionEntry[];
}

const DECIDED = {
  name: 'decided-request',
  text: `select request.*, (select coalesce(json_agg(decision), '[]') from (${DECISIONS.text}) decision) as decisions,
           (select coalesce(json_agg(question), '[]') from (${selectQuestions('$1', 'request.run_id')}) question) as questions
         from (${REQUEST.text}) request`,
};

/** All by one query, or null. */
export async function readDecided(manager: EntityManager, id: string): Promise<DecidedRow | null> {
  type Found = RequestRow & {
    readonly decisions: readonly DecisionRow[];
    readonly questions: readonly QuestionRow[];
  };
  const [found] = await queryPrepared<Found>(manager, DECIDED, [id]);
  if (!found) return null;
  const { decisions, questions, ...row } = found;
  return { row, decisions: decisions.map(withInstants), questions: questions.map(questionEntry) };
}

/** As JSON, instants are text. */
function withInstants(row: DecisionRow): DecisionRow {
  const { at, defer_until: until, recorded_at: recordedAt } = row;
  const defer_until = until && new Date(until);
  return { ...row, at: new Date(at), defer_until, recorded_at: new Date(recordedAt) };
}

const PLAN = { name: 'plan', text: `${selection(planTable)} where request = $1 and digest = $2` };

/** The plan that a request is about now, or null. */
export async function readPlan(
  manager: EntityManager,
  request: string,
  digest: string,
): Promise<PlanRow | null> {
  const [row] = await queryPrepared<PlanRow>(manager, PLAN, [request, digest]);
  return row ?? null;
}

/**
 * The same for those who rely on what it says. Throws when the stored plan is not the one that its digest names: what
 * people read and policy evaluates is what the dry run found.
 */
export async function readIntactPlan(
  manager: EntityManager,
  request: string,
  digest: string,
): Promise<PlanRow | null> {
  const row = await readPlan(manager, request, digest);
  return row && intactPlan(row);
}

/** The same for a plan that was read, or is about to be stored. */
export function intactPlan<Row extends Pick<PlanRow, 'request' | 'digest' | 'body'>>(row: Row): Row {
  if (planDigest(row.body) === row.digest) return row;
  const { request } = row;
  throw new KeyturnError('plan_altered', 'The stored plan is not the one that its digest names.', {
    request,
  });
}

/** The decisions that count for the request's current round, as the tally takes them. */
export function countedDecisions(request: RequestRow, rows: readonly DecisionRow[]): CountedDecision[] {
  return rows
    .filter((row) => row.round === request.round && row.outcome === 'counted' && row.person !== null)
    .map((row) => ({
      id: row.id,
      person: row.person ?? '',
      account: { issuer: row.reviewer_issuer, subject: row.reviewer_subject },
      verdict: row.verdict,
      ...(row.takes_back === null ? {} : { takes_back: row.takes_back }),
      at: row.at.toISOString(),
      grade: row.grade,
      seats: row.seats,
    }));
}

/** A request as `checkDecision` takes it, or null while people need not decide. */
export function decidableRequest(
  request: RequestRow,
  rows: readonly DecisionRow[],
  policy: PolicySet,
): DecidableRequest | null {
  if (!request.requirement || !request.pending_since || !request.expires_at) return null;
  return {
    status: request.status,
    decision_digest: request.decision_digest,
    lineage: request.lineage,
    requirement: request.requirement,
    pending_since: request.pending_since.toISOString(),
    expires_at: request.expires_at.toISOString(),
    owners: ownersOf(policy, request),
    decisions: countedDecisions(request, rows),
    ...(request.clocks === null ? {} : { clocks: request.clocks }),
  };
}
