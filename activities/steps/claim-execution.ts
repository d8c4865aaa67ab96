import { createHmac } from 'node:crypto';

import type { Reopening } from '../../domain/audit/reopening.ts';
import { tallyFactsOf } from '../../domain/approval/seats.ts';
import { SWITCHED_OFF } from '../../domain/execution/denial.ts';
import { requirementDigest, rowDecisionDigest } from '../../domain/request/digests.ts';
import type { SignedRequest } from '../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../domain/errors.ts';
import { switchesAgainst, type KillSwitch } from '../../domain/execution/kill-switch.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import { combinedRequirement } from '../../domain/policy/combined-requirement.ts';
import { allowedForMs } from '../../domain/execution/gate-validity.ts';
import { targetDigest, targetOf } from '../../domain/policy/policy.ts';
import { tally, withoutTakenBack } from '../../domain/approval/quorum.ts';
import { mayStillAsk } from '../../domain/execution/requester.ts';
import { requiresNobody } from '../../domain/request/requirement.ts';
import type { CodeWithoutData } from '../../domain/policy/visibility.ts';
import { refuseWrongClock } from '../../database/clock.ts';
import { lockRestrictions } from '../../database/kill-switches.ts';
import { claimOfWindows } from '../../database/counted-facts.ts';
import { decidableRequest, readPlan, type ActivePolicy } from '../../database/readers.ts';
import { insertion } from '../../database/row-statements.ts';
import { directoriesOf, policyOf, type StepSnapshot } from '../../database/step-snapshot.ts';
import { executionTable, type ExecutionRow, type RequestRow } from '../../database/tables.ts';
import type { Dependencies } from '../dependencies.ts';
import { prepareCall, stepSnapshotAgain, verifiedRequest, type PreparedCall } from '../load-request.ts';
import { evaluateInputs, keepEvaluation, type EvaluatedPlan } from './evaluate-plan.ts';
import { gateDecision, type GateDecision, type GateInputs } from './gate-decision.ts';
import { isAsOpened } from './opened-round.ts';
import { startEnd, startOf, type Hold } from '../../domain/execution/start.ts';
import { rebuildDecisions } from './rebuild-decisions.ts';
import type { StepTransaction } from '../step.ts';

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
      readonly why: Reopening;
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
  const { active, plan } = snapshot.evaluated;
  const prepared = await prepareCall(dependencies, signed, active.policy);
  const execution = storeClaim(dependencies, transaction, snapshot);
  await recordClaim(transaction, execution, active);
  const decision = row.mode === 'gate' ? gateDecision(row, snapshot.decisions, snapshot) : null;
  return { kind: 'claimed', execution, plan, prepared, decision };
}

/** What policy says today, or why it says no. */
async function snapshotOf(
  dependencies: Dependencies,
  transaction: StepTransaction,
  signed: SignedRequest,
): Promise<Snapshot | { readonly code: CodeWithoutData; readonly engaged?: KillSwitch }> {
  const { row } = transaction;
  const { seen, active, planRow, directories } = await lockSnapshot(dependencies, transaction);
  const { switches, generations, now: evaluatedAt } = seen;
  transaction.goOnTo(evaluatedAt);
  const target = active && targetOf(active.policy, row.target);
  if (!active || !planRow) return { code: 'policy_invalid' };
  if (!target) return { code: 'target_removed' };
  const [engaged] = switchesAgainst(switches, { ...row, agents: directories.now.agents });
  if (engaged) return { code: SWITCHED_OFF, engaged };
  if (!mayStillAsk(directories, row)) return { code: 'requester_inactive' };
  const people = { directories, directoryGeneration: generations.now };
  const inputs = { signed, active, target, plan: planRow.body, planDigest: planRow.digest, ...people };
  const evaluated = await evaluateInputs(dependencies, transaction, { ...inputs, phase: 'execution' });
  keepEvaluation(transaction, evaluated);
  const { evaluation, facts } = evaluated;
  if (evaluation.effect === 'forbid') return { code: 'forbidden' };
  const { policy } = active;
  const hold = startOf({ policy, facts, evaluation }, signed);
  if (hold === 'over') return { code: 'start_window_over' };
  return {
    evaluated,
    requirement: combinedRequirement(row.requirement, evaluation),
    evaluatedAt,
    hold,
    allowedMs: allowedForMs(policy, evaluation),
    startsBefore: startEnd({ policy, facts, evaluation }, signed),
    decisions: seen.decisions,
    lastAttempt: seen.lastAttempt,
  };
}

/** What nobody can change until the claim is made. */
async function lockSnapshot(dependencies: Dependencies, transaction: StepTransaction) {
  const { manager, row } = transaction;
  await lockRestrictions(manager);
  // Read after all locks are held, so nothing is stale.
  const [seen, planRow] = await Promise.all([
    stepSnapshotAgain(transaction),
    row.plan_digest === null ? null : readPlan(manager, row.id, row.plan_digest),
  ]);
  const [active, directories] = await Promise.all([
    policyOf(dependencies.policies, manager, seen),
    directoriesOf(dependencies.directories, manager, seen),
  ]);
  return { seen, active, planRow, directories };
}

interface Snapshot extends GateInputs, Pick<StepSnapshot, 'decisions' | 'lastAttempt'> {
  readonly evaluated: EvaluatedPlan;
  /** Why it may not start yet; null when it may. */
  readonly hold: Hold | null;
}

type Entitlement = 'approved' | Reopening;

async function entitlement(
  dependencies: Dependencies,
  { manager, row }: StepTransaction,
  snapshot: Snapshot,
): Promise<Entitlement> {
  const { evaluated, requirement, decisions } = snapshot;
  const { active, directories, evaluation, plan, target } = evaluated;
  // Policy has moved the target's name to another database since it was planned.
  if (targetDigest(target) !== plan.target_digest) return 'target_changed';
  // It takes a break-glass path by now that nobody was notified of, with what that passes.
  if (evaluation.is_break_glass && !row.is_break_glass) return 'requirement_changed';
  if (!isAsRequired(row, snapshot)) return 'requirement_changed';
  if (requirement === null) return 'approved';
  if (!(await isAsOpened(dependencies, { manager, row }))) return 'requirement_changed';
  const today = { policy: active.policy, directory: directories.now };
  const people = { manager, row, today, atCreation: directories.at_creation };
  const rebuilt = await rebuildDecisions(dependencies, people, decisions);
  const request = decidableRequest(row, decisions, active.policy);
  if (!request) return 'approval_void';
  const standing = tally(
    tallyFactsOf({ ...request, decisions: rebuilt }, snapshot.evaluatedAt.toISOString()),
  );
  if (standing.standing === 'approved') return 'approved';
  return rebuilt.length < withoutTakenBack(request.decisions).length ? 'approval_void' : 'approval_stale';
}

function isAsRequired(row: RequestRow, { evaluated, requirement }: Snapshot): boolean {
  const { plan, signed, evaluation } = evaluated;
  const risk = evaluation.risk.tier;
  const required = requirement ?? requiresNobody(risk);
  const isSame =
    row.requirement === null || requirementDigest(required) === requirementDigest(row.requirement);
  const digest = rowDecisionDigest(row, { plan, start: signed.start, risk }, requirement);
  return isSame && row.decision_digest === digest;
}

function storeClaim(
  { identityKey }: Dependencies,
  transaction: StepTransaction,
  { lastAttempt, evaluatedAt: claimedAt }: Snapshot,
): ExecutionRow {
  const { row } = transaction;
  const attempt = lastAttempt + 1;
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
  transaction.store(insertion(executionTable, execution));
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
  transaction.store(claimOfWindows(row.id, execution.claimed_at));
  await transaction.append({
    type: 'execution.claimed',
    at: execution.claimed_at.toISOString(),
    policy_digest: active.digest,
    facts: { attempt: execution.attempt, idempotency_key: execution.idempotency_key, round: row.round },
  });
}
