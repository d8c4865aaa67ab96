import { createHmac } from 'node:crypto';

import { tallyFactsOf } from '../../domain/approval/seats.ts';
import { SWITCHED_OFF } from '../../domain/execution/denial.ts';
import { requirementDigest, rowDecisionDigest } from '../../domain/request/digests.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import type { SignedRequest } from '../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../domain/errors.ts';
import { switchesAgainst, type KillSwitch } from '../../domain/execution/kill-switch.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import { combinedRequirement } from '../../domain/policy/combined-requirement.ts';
import { evaluate as evaluatePolicy } from '../../domain/policy/evaluation.ts';
import { allowedForMs } from '../../domain/execution/gate-validity.ts';
import { targetDigest, targetOf } from '../../domain/policy/policy.ts';
import { tally } from '../../domain/approval/quorum.ts';
import { mayStillAsk } from '../../domain/execution/requester.ts';
import { requiresNobody, type Requirement } from '../../domain/request/requirement.ts';
import type { CodeWithoutData } from '../../domain/policy/visibility.ts';
import { databaseNow, refuseWrongClock } from '../../database/clock.ts';
import { lastAttempt } from '../../database/executions.ts';
import { lockRestrictions } from '../../database/kill-switches.ts';
import { claimWindows } from '../../database/counted-facts.ts';
import { decidableRequest, readDecisions, readPlan, type ActivePolicy } from '../../database/readers.ts';
import { insertRow } from '../../database/row-statements.ts';
import { executionTable, type ExecutionRow, type RequestRow } from '../../database/tables.ts';
import type { Dependencies } from '../dependencies.ts';
import { prepareCall, verifiedRequest, type PreparedCall } from '../load-request.ts';
import { gateDecision, type GateDecision, type GateInputs } from './gate-decision.ts';
import { isAsOpened } from './opened-round.ts';
import { refuseOtherOwnerKey } from '../owner-key.ts';
import { gatherFacts } from '../gather-facts.ts';
import { startEnd, startOf, type Hold } from '../../domain/execution/start.ts';
import { rebuildDecisions } from './rebuild-decisions.ts';
import { recordEvaluation } from '../record-evaluation.ts';
import type { StepTransaction } from '../record.ts';

/** A claim, or why the action may not run now. */
export type Claim =
  | {
      readonly kind: 'claimed';
      readonly execution: ExecutionRow;
      readonly plan: StoredPlan;
      readonly prepared: PreparedCall;
      /** The answer for the one who executes the action; null where Keyturn executes it. */
      readonly decision: GateDecision | null;
    }
  /** Approved, and not to start before `until`. */
  | { readonly kind: 'held'; readonly until: string; readonly why: Hold['why'] }
  | { readonly kind: 'denied'; readonly code: CodeWithoutData; readonly engaged: KillSwitch | null }
  | {
      readonly kind: 'again';
      readonly why: 'target_changed' | 'approval_stale' | 'requirement_changed' | 'approval_void';
    };

/**
 * Claims an approved action, once. Everything that entitles to it is derived again, under locks, from signed material
 * and the database: the request's signature, the active policy, the requirement, each decision's signature and its
 * reviewer's standing today, the tally, the decision digest, the age of approvals. No workflow input is believed.
 */
export async function claim(dependencies: Dependencies, transaction: StepTransaction): Promise<Claim> {
  const { manager, row } = transaction;
  if (row.status !== 'approved' && row.status !== 'executing') {
    throw new KeyturnError('illegal_move', `A request that is ${row.status} cannot be executed.`);
  }
  await refuseWrongClock(dependencies.source, manager);
  const signed = await verifiedRequest(dependencies, row);
  const snapshot = await snapshotOf(dependencies, transaction, signed);
  if ('code' in snapshot) return { kind: 'denied', engaged: null, ...snapshot };
  const standing = await entitlement(dependencies, transaction, snapshot);
  if (standing !== 'approved') return { kind: 'again', why: standing };
  if (snapshot.hold !== null) return { kind: 'held', ...snapshot.hold };
  // Before the claim: what cannot even be called (a key that is gone, an unknown connector) leaves nothing to probe.
  const prepared = await prepareCall(dependencies, signed, snapshot.active.policy);
  const execution = await insertClaim(dependencies, transaction, snapshot.evaluatedAt);
  await recordClaim(transaction, execution, snapshot.active);
  const decision = row.mode === 'gate' ? await gateDecision(manager, row, snapshot) : null;
  return { kind: 'claimed', execution, plan: snapshot.plan, prepared, decision };
}

/** What policy says today, or why it says no. */
async function snapshotOf(
  dependencies: Dependencies,
  transaction: StepTransaction,
  signed: SignedRequest,
): Promise<Snapshot | { readonly code: CodeWithoutData; readonly engaged?: KillSwitch }> {
  const { manager, row } = transaction;
  const locked = await lockSnapshot(dependencies, { manager, row });
  const { switches, active, planRow, directory, generation, atCreation, evaluatedAt } = locked;
  transaction.goOnTo(evaluatedAt);
  const target = active && targetOf(active.policy, row.target);
  if (!active || !planRow) return { code: 'policy_invalid' };
  if (!target) return { code: 'target_removed' };
  const [engaged] = switchesAgainst(switches, { ...row, agents: directory.agents });
  if (engaged) return { code: SWITCHED_OFF, engaged };
  if (!mayStillAsk({ now: directory, at_creation: atCreation }, row)) return { code: 'requester_inactive' };
  const query = { signed, policy: active.policy, directory, target, plan: planRow.body, at: evaluatedAt };
  const facts = await gatherFacts(dependencies, manager, query);
  await refuseOtherOwnerKey(dependencies, { manager, row }, facts.args);
  const evaluation = evaluatePolicy(active.policy, facts, 'execution');
  const subject = { row, round: row.round, phase: 'execution' as const };
  const record = { ...subject, policyDigest: active.digest, directoryGeneration: generation, directory };
  await recordEvaluation(manager, record, { facts, evaluation });
  if (evaluation.effect === 'forbid') return { code: 'forbidden' };
  const startFacts = { policy: active.policy, facts, evaluation };
  const hold = startOf(startFacts, signed);
  if (hold === 'over') return { code: 'start_window_over' };
  return {
    requirement: combinedRequirement(row.requirement, evaluation),
    active,
    directory,
    plan: planRow.body,
    risk: evaluation.risk.tier,
    isSamePath: row.is_break_glass || !evaluation.is_break_glass,
    isSameTarget: targetDigest(target) === planRow.body.target_digest,
    evaluatedAt,
    hold,
    allowedMs: allowedForMs(active.policy, evaluation),
    startsBefore: startEnd(startFacts, signed),
    start: signed.start,
  };
}

/** What nobody can change until the claim is made. */
async function lockSnapshot(
  dependencies: Dependencies,
  { manager, row }: Pick<StepTransaction, 'manager' | 'row'>,
) {
  const switches = await lockRestrictions(manager);
  // Read after all locks are held, so nothing is stale.
  const [active, planRow, now, atCreation, evaluatedAt] = await Promise.all([
    dependencies.policies.active(manager),
    row.plan_digest === null ? null : readPlan(manager, row.id, row.plan_digest),
    dependencies.directories.now(manager),
    dependencies.directories.at(manager, row.created_at),
    databaseNow(manager),
  ]);
  return { switches, active, planRow, ...now, atCreation, evaluatedAt };
}

interface Snapshot extends GateInputs {
  readonly active: ActivePolicy;
  readonly directory: Directory;
  readonly plan: StoredPlan;
  readonly risk: Requirement['risk'];
  /** Why it may not start yet; null when it may. */
  readonly hold: Hold | null;
  /** False when it takes a break-glass path by now that nobody was notified of, with what that passes. */
  readonly isSamePath: boolean;
  /** False when policy has moved the target's name to another database since it was planned. */
  readonly isSameTarget: boolean;
  /** When it may start, as it was signed. */
  readonly start: SignedRequest['start'];
}

type Entitlement = 'approved' | 'target_changed' | 'approval_stale' | 'requirement_changed' | 'approval_void';

async function entitlement(
  dependencies: Dependencies,
  { manager, row }: StepTransaction,
  snapshot: Snapshot,
): Promise<Entitlement> {
  if (!snapshot.isSameTarget) return 'target_changed';
  if (!snapshot.isSamePath || !isAsRequired(row, snapshot)) return 'requirement_changed';
  if (snapshot.requirement === null) return 'approved';
  if (!(await isAsOpened(dependencies, { manager, row }))) return 'requirement_changed';
  const rows = await readDecisions(manager, row.id);
  const rebuilt = await rebuildDecisions(dependencies, { manager, row, snapshot }, rows);
  const request = decidableRequest(row, rows, snapshot.active.policy);
  if (!request) return 'approval_void';
  const standing = tally(
    tallyFactsOf({ ...request, decisions: rebuilt }, snapshot.evaluatedAt.toISOString()),
  );
  if (standing.standing === 'approved') return 'approved';
  return rebuilt.length < request.decisions.length ? 'approval_void' : 'approval_stale';
}

function isAsRequired(row: RequestRow, snapshot: Snapshot): boolean {
  const { requirement, risk } = snapshot;
  const required = requirement ?? requiresNobody(risk);
  const isSame =
    row.requirement === null || requirementDigest(required) === requirementDigest(row.requirement);
  return isSame && row.decision_digest === rowDecisionDigest(row, snapshot, requirement);
}

async function insertClaim(
  { identityKey }: Dependencies,
  { manager, row }: StepTransaction,
  claimedAt: Date,
): Promise<ExecutionRow> {
  const attempt = (await lastAttempt(manager, row.id)) + 1;
  const execution: ExecutionRow = {
    request: row.id,
    attempt,
    idempotency_key: `${row.id}/${attempt}/${keyOfClaim(identityKey, row, attempt)}`,
    decision_digest: row.decision_digest ?? '',
    state: 'claimed',
    transaction_id: null,
    claimed_at: claimedAt,
    settled_at: null,
    outcome: null,
  };
  await insertRow(manager, executionTable, execution);
  return execution;
}

/**
 * Not derivable by others, so nobody can occupy the key at the target beforehand. And the same again if our own record of
 * the claim were lost: then the target's ledger still knows what was done under it.
 */
function keyOfClaim(secret: Uint8Array, { id, decision_digest }: RequestRow, attempt: number): string {
  const text = JSON.stringify(['execution', id, decision_digest, attempt]);
  return createHmac('sha256', secret).update(text).digest('hex').slice(0, 32);
}

async function recordClaim(
  transaction: StepTransaction,
  execution: ExecutionRow,
  active: ActivePolicy,
): Promise<void> {
  const { row } = transaction;
  if (row.status !== 'executing')
    await transaction.move('claim', { status: 'executing', open_selectors: [], held_until: null });
  await claimWindows(transaction.manager, row.id, execution.claimed_at);
  await transaction.append({
    type: 'execution.claimed',
    at: execution.claimed_at.toISOString(),
    policy_digest: active.digest,
    facts: { attempt: execution.attempt, idempotency_key: execution.idempotency_key, round: row.round },
  });
}
