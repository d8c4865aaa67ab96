import { tallyFactsOf, type DecidableRequest } from '../../domain/approval/seats.ts';
import { escalationSteps, type EscalationStep } from '../../domain/approval/escalation.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { CountedDecision } from '../../domain/approval/quorum.ts';
import type { RequestStatus } from '../../domain/request/request.ts';
import { readTrouble } from '../../database/target-troubles.ts';
import { SYSTEM_ACTOR } from '../actors.ts';
import type { Dependencies } from '../dependencies.ts';
import { consumeKept } from './kept-messages.ts';
import { placeOf } from '../place.ts';
import { closeFailed } from './plan.ts';
import { recordStep, type StepTransaction } from '../record.ts';
import { settleStanding, standingNow } from './standing.ts';
import type { Leaf, LeafDraft, LeafType } from '../../domain/audit/leaf.ts';
import { canonicalJson, type JsonValue } from '../../domain/crypto/canonical-json.ts';

/** What came of a look at who may decide. */
export interface Escalated {
  readonly status: RequestStatus;
  /** Until when it has looked. */
  readonly until: string;
  /** All decisions of the round with what they are worth now; only where some were taken that the workflow has not seen. */
  readonly counted?: readonly CountedDecision[];
}

/** A deadline that the workflow's timer reached. */
interface Deadline {
  readonly step: string;
  readonly at: string;
}

/**
 * Widens who may decide, by every escalation that is due by the database's clock, and says so once each. Whoever approved
 * before their turn came is counted now: that may be all that was missing. So what was acknowledged before goes first.
 */
export async function escalate(
  dependencies: Dependencies,
  { step, at }: Deadline & { readonly since: string },
): Promise<Escalated> {
  return recordStep(dependencies, placeOf(`escalate/${step}`, at), async (transaction) => {
    const taken = await consumeKept(dependencies, transaction);
    const decisions = await widen(dependencies, transaction, at);
    const counted = taken.length > 0 && decisions !== null ? { counted: decisions } : {};
    return { status: transaction.row.status, until: transaction.place.at, ...counted };
  });
}

/** Answers the decisions of the round, or null where nothing is asked of people any more. */
async function widen(
  dependencies: Dependencies,
  transaction: StepTransaction,
  at: string,
): Promise<readonly CountedDecision[] | null> {
  const { row, manager } = transaction;
  const active = await dependencies.policies.active(manager);
  const { directory } = await dependencies.directories.now(manager);
  const today = active && { policy: active.policy, directory };
  const request = today && (await standingNow(dependencies, manager, { row, today }));
  if (!active || !request || row.status !== 'pending') return null;
  await appendDue(transaction, request, at);
  const standing = await settleStanding(dependencies, transaction, active);
  return standing?.decisions ?? null;
}

async function appendDue(transaction: StepTransaction, request: DecidableRequest, at: string): Promise<void> {
  const { place } = transaction;
  const known = await knownEscalations(transaction);
  const due = escalationSteps(tallyFactsOf(request, place.at)).filter(
    (candidate) => candidate.at <= place.at && !known.has(canonicalJson(facts(candidate))),
  );
  // Called too early, by a clock ahead of the database's: it is tried again.
  if (due.length === 0 && Date.parse(at) > Date.parse(place.at))
    throw new KeyturnError('unavailable', 'No escalation is due yet.');
  if (due.length > 0) await transaction.update({});
  for (const escalation of due)
    await transaction.append(leaf(transaction, 'request.escalated', facts(escalation)));
}

function facts(step: EscalationStep): Record<string, JsonValue> {
  return { rule: step.rule, stage: step.stage, to: step.to, at: step.at };
}

/** The escalations that are on record: whoever can schedule this step chooses from when on it looks. */
async function knownEscalations({ manager, place }: StepTransaction): Promise<ReadonlySet<string>> {
  const rows: { leaf: string }[] = await manager.query(
    `select leaf from audit.entry where request = $1 and run_id = $2 and type = 'request.escalated'`,
    [place.request, place.run],
  );
  return new Set(rows.map(({ leaf: text }) => canonicalJson((JSON.parse(text) as Leaf).facts)));
}

/** Nobody answered in time: that is a denial, never an approval. */
export async function expire(
  dependencies: Dependencies,
  { step, at }: Deadline,
): Promise<{ readonly status: RequestStatus }> {
  return recordStep(dependencies, placeOf(`expire/${step}`, at), async (transaction) => {
    await consumeKept(dependencies, transaction);
    const { row } = transaction;
    if (row.status !== 'pending') return { status: row.status };
    // By the database's clock: the step is tried again until it is due.
    if (!row.expires_at || row.expires_at > transaction.now)
      throw new KeyturnError('unavailable', 'The request has not expired yet.');
    await transaction.move({ status: 'expired', open_selectors: [] }, ['pending']);
    await transaction.append(leaf(transaction, 'request.expired', { round: row.round }));
    return { status: row.status };
  });
}

/** The target could not be reached for planning: the request ends, nothing happened. */
export async function abandonPlanning(
  dependencies: Dependencies,
  { at, step }: Deadline,
): Promise<{ readonly status: RequestStatus }> {
  return recordStep(dependencies, placeOf(`abandon/${step}`, at), async (transaction) => {
    const trouble = await readTrouble(transaction.manager, transaction.row.id);
    await closeFailed(transaction, {
      code: 'target_unreachable',
      detail: trouble ?? 'The target could not be asked for a plan.',
    });
    return { status: transaction.row.status };
  });
}

function leaf(
  { row, place }: StepTransaction,
  type: LeafType,
  leafFacts: Readonly<Record<string, JsonValue>>,
): LeafDraft {
  return {
    type,
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: null,
    facts: leafFacts,
    evidence: null,
    parts: {},
  };
}
