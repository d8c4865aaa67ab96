import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { entryOfReopening, type Reopening } from '../domain/audit/reopening.ts';
import { SWITCHED_OFF } from '../domain/execution/denial.ts';
import type { KillSwitch } from '../domain/execution/kill-switch.ts';
import type { CodeWithoutData, Failure } from '../domain/policy/visibility.ts';
import type { MovingStep } from '../domain/request/steps.ts';
import type { RequestStatus } from '../domain/request/status.ts';
import { evaluationFacts, shownRules, type NamedEvaluation } from './record-evaluation.ts';
import type { StepTransaction } from './step.ts';

/** The request is over. */
export interface Closed {
  readonly kind: 'closed';
  readonly status: RequestStatus;
}

/** Ends a request that could not be planned. */
export async function closeFailed(transaction: StepTransaction, failure: Failure): Promise<Closed> {
  await transaction.move('fail_planning', { status: 'failed', failure, open_selectors: [] });
  await transaction.append({
    type: 'request.plan_failed',
    facts: { code: failure.code },
    parts: { detail: failure.detail },
  });
  return { kind: 'closed', status: 'failed' };
}

/** Ends a request that policy does not let through. */
export async function denyByPolicy(
  transaction: StepTransaction,
  code: CodeWithoutData,
  named: NamedEvaluation,
): Promise<Closed> {
  const { rules } = named.evaluation;
  const detail = rules.map(({ id, because }) => (because === null ? id : `${because} (${id})`)).join('; ');
  await transaction.move('forbid', {
    status: 'denied',
    denied_by: 'policy',
    failure: { code, detail },
    open_selectors: [],
    matched_rules: shownRules(named.evaluation),
  });
  await transaction.append({
    type: 'request.denied',
    decision_digest: null,
    policy_digest: named.policyDigest,
    facts: { by: 'policy', code, round: transaction.row.round, ...evaluationFacts(named) },
    parts: { detail },
  });
  return { kind: 'closed', status: 'denied' };
}

/** Policy or the standing of the requester forbids the action now: the request ends denied, or failed once it began. */
export async function refuseExecution(
  transaction: StepTransaction,
  code: CodeWithoutData,
  {
    facts = {},
    detail = '',
  }: { readonly facts?: Readonly<Record<string, JsonValue>>; readonly detail?: string } = {},
): Promise<Closed> {
  const { row } = transaction;
  const status = row.status === 'executing' ? ('failed' as const) : ('denied' as const);
  const ended = { status, failure: { code, detail }, open_selectors: [] };
  await transaction.move('stop', status === 'denied' ? { ...ended, denied_by: 'policy' } : ended);
  await transaction.append({
    type: status === 'denied' ? 'request.denied' : 'execution.failed',
    facts: { by: 'policy', code, round: row.round, ...facts },
    parts: detail === '' ? {} : { detail },
  });
  return { kind: 'closed', status };
}

/** Ends a request that a switch stops. Why the switch was thrown is not said: requesters read it. */
export async function closeSwitchedOff(transaction: StepTransaction, engaged: KillSwitch): Promise<Closed> {
  const { id, scope } = engaged;
  return refuseExecution(transaction, SWITCHED_OFF, { facts: { switch: id, scope: scope.kind } });
}

/** The approval does not carry any more: people must look again. The next evaluation opens the new round. */
export async function returnToReview(
  transaction: StepTransaction,
  why: Reopening,
): Promise<{ readonly kind: 'again' }> {
  const { decision_digest, round } = transaction.row;
  await transaction.move('reopen', {
    status: 'planning',
    open_selectors: [],
    decision_digest: null,
    held_until: null,
  });
  await transaction.append({
    type: entryOfReopening(why),
    decision_digest,
    facts: { why, round },
  });
  return { kind: 'again' };
}

/** Nobody answered in time, or nobody received it: silence is a denial, never an approval. */
export async function closeExpired(
  transaction: StepTransaction,
  step: MovingStep & `expire${string}`,
  {
    facts = {},
    failure,
  }: { readonly facts?: Readonly<Record<string, JsonValue>>; readonly failure?: Failure } = {},
): Promise<Closed> {
  const ended = { status: 'expired' as const, open_selectors: [] };
  await transaction.move(step, failure ? { ...ended, failure } : ended);
  await transaction.append({
    type: 'request.expired',
    facts: { round: transaction.row.round, ...(failure && { code: failure.code }), ...facts },
    parts: failure ? { detail: failure.detail } : {},
  });
  return { kind: 'closed', status: 'expired' };
}

/** Closes a request without approval because its workflow did not do so: it ended, or does not get on. */
export async function closeLost(
  transaction: StepTransaction,
  why: 'ended without finishing it' | 'did not go on with it',
): Promise<void> {
  const { row } = transaction;
  const status = row.status === 'executing' ? 'failed' : 'cancelled';
  const detail = `The workflow of this request ${why}.`;
  await transaction.move('close_lost', {
    status,
    failure: { code: 'workflow_lost', detail },
    open_selectors: [],
  });
  await transaction.append({
    type: 'request.orphaned',
    facts: { status, round: row.round },
    parts: { detail },
  });
}
