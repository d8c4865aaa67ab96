import { randomBytes } from 'node:crypto';

import { isRehearsed } from '../../domain/execution/budgets.ts';
import { digestOf } from '../../domain/crypto/digest.ts';
import { effectsForDigest, planDigest } from '../../domain/request/digests.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { openEnvelope, type SignedRequest } from '../../domain/crypto/envelope.ts';
import { canForbid, evaluate } from '../../domain/policy/evaluation.ts';
import { KeyturnError } from '../../domain/errors.ts';
import { identityKey, rootOf } from '../../domain/identity/identity.ts';
import type { KillSwitch } from '../../domain/execution/kill-switch.ts';
import { likenesses } from '../../domain/request/likeness.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import {
  actionOf,
  targetDigest,
  targetOf,
  type ActionDefinition,
  type PolicySet,
  type Target,
} from '../../domain/policy/policy.ts';
import { isFinal, type RequestStatus } from '../../domain/request/request.ts';
import { readSwitches } from '../../database/kill-switches.ts';
import { readRequest, type ActivePolicy } from '../../database/readers.ts';
import { insertion } from '../../database/row-statements.ts';
import { planTable, type PlanRow, type RequestRow } from '../../database/tables.ts';
import { SYSTEM_ACTOR } from '../actors.ts';
import type { Connector, ConnectorCall, PlannedCall, PlanRefusal } from '../connectors/connector.ts';
import { gateConnector } from '../connectors/gate.ts';
import { denyByPolicy } from '../deny.ts';
import type { Dependencies } from '../dependencies.ts';
import { refuseOtherAttempt } from './due-attempt.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { placeOf } from '../place.ts';
import { gatherFacts, openArguments } from '../policy-facts.ts';
import { recordEvaluation } from '../record-evaluation.ts';
import { recordedStep, recordStep, type StepPlace, type StepTransaction } from '../record.ts';
import { rehearse } from './rehearse.ts';
import { closeSwitchedOff, switchAgainst } from '../switches.ts';

/** What became of planning. The plan itself stays in the database and travels as a digest. */
export type Planned =
  | { readonly kind: 'planned'; readonly plan_digest: string }
  | { readonly kind: 'closed'; readonly status: RequestStatus };

/** A connector with the call it is to make, all from signed material and the active policy. */
export interface PreparedCall {
  readonly connector: Connector;
  readonly call: ConnectorCall;
  readonly isBreakGlass: boolean;
}

/** Asks the connector what would happen, and stores it. A refused plan ends the request: no plan, no action. */
export async function plan(
  dependencies: Dependencies,
  input: { readonly attempt: number; readonly at: string },
): Promise<Planned> {
  const place = placeOf(`plan/${input.attempt}`, input.at);
  return withHeartbeat(() => planOnce(dependencies, place, input.attempt));
}

async function planOnce(dependencies: Dependencies, place: StepPlace, attempt: number): Promise<Planned> {
  const stored = await recordedStep(dependencies.source.manager, place);
  if (stored !== undefined) return stored as Planned;
  const row = await ownRow(dependencies, place);
  if (isFinal(row.status)) return { kind: 'closed', status: row.status };
  refuseOtherAttempt(row, attempt);
  const { manager } = dependencies.source;
  const [active, now, switches] = await Promise.all([
    activePolicy(dependencies),
    dependencies.directories.now(manager),
    readSwitches(manager),
  ]);
  const thrown = switchAgainst(switches, row, now.directory);
  if (thrown) return recordStep(dependencies, place, (transaction) => closeStopped(transaction, thrown));
  const signed = await verifiedRequest(dependencies, row);
  const refused = await refuseEarly(dependencies, place, { row, signed, active, ...now });
  if (refused) return refused;
  const prepared = await prepareCall(dependencies, signed, active.policy);
  const { connector = null } = actionOf(active.policy, row.action) ?? {};
  const isBudgeted = isRehearsed(connector);
  const { isBreakGlass } = prepared;
  const outcome = await rehearse(dependencies, prepared, { row, ...now, isBudgeted, isBreakGlass });
  if (outcome.kind === 'refused') logRefused(dependencies, row, outcome);
  return recordStep(dependencies, place, (transaction) =>
    outcome.kind === 'planned'
      ? storePlan(transaction, outcome, prepared.call.target)
      : closeRefused(transaction, outcome),
  );
}

/** What a kill switch stops is not even planned: nothing of it reaches the target. */
async function closeStopped(transaction: StepTransaction, thrown: KillSwitch): Promise<Planned> {
  const { status } = transaction.row;
  return isFinal(status) ? { kind: 'closed', status } : closeSwitchedOff(transaction, thrown);
}

interface EarlyQuestion {
  readonly row: RequestRow;
  readonly signed: SignedRequest;
  readonly active: ActivePolicy;
  readonly directory: Directory;
  readonly generation: string;
}

/** What is forbidden by facts that are known already is not tried out at the target at all. */
async function refuseEarly(
  dependencies: Dependencies,
  place: StepPlace,
  { row, signed, active, directory, generation }: EarlyQuestion,
): Promise<Planned | null> {
  const { policy, digest } = active;
  const target = targetOf(policy, signed.target);
  if (!target) throw new KeyturnError('unknown_target', 'The active policy has no such target.');
  // Without a connector nothing is tried out, and the evaluation after it has all facts: this one would lack some.
  const isTriedOut = actionOf(policy, signed.action)?.connector !== null;
  if (!isTriedOut || !canForbid(policy, signed.action, target)) return null;
  const asked = { signed, policy, directory, target, plan: null, at: new Date() };
  const facts = await gatherFacts(dependencies, dependencies.source.manager, asked);
  const evaluation = evaluate(policy, facts, 'creation');
  if (!evaluation.rules.some((rule) => rule.effect === 'forbid')) return null;
  return recordStep(dependencies, place, async (transaction): Promise<Planned> => {
    if (isFinal(transaction.row.status)) return { kind: 'closed', status: transaction.row.status };
    const where = { row, round: row.round, phase: 'creation' as const };
    const record = { ...where, policyDigest: digest, directoryGeneration: generation, directory };
    const factsDigest = await recordEvaluation(transaction.manager, record, { facts, evaluation });
    await denyByPolicy(transaction, 'forbidden', { evaluation, policyDigest: digest, factsDigest });
    return { kind: 'closed', status: 'denied' };
  });
}

/** Names where to look, and no value: messages of a server quote rows. */
function logRefused(
  { log }: Dependencies,
  { id, target }: RequestRow,
  { code, sqlState, cause }: PlanRefusal,
): void {
  log.info({ request: id, target, code, sql_state: sqlState, cause }, 'no plan was made');
}

/** The request of the calling run, after verifying that it is that run's own. */
export async function ownRow(dependencies: Dependencies, place: StepPlace): Promise<RequestRow> {
  const row = await readRequest(dependencies.source.manager, place.request);
  if (!row) throw new KeyturnError('not_found', 'There is no such request.');
  if (row.run_id !== place.run) {
    throw new KeyturnError('foreign_run', 'This request belongs to another run of the workflow.');
  }
  return row;
}

/** The active policy. Without one nothing is planned or performed. */
async function activePolicy(dependencies: Dependencies): Promise<ActivePolicy> {
  const active = await dependencies.policies.active(dependencies.source.manager);
  if (!active) throw new KeyturnError('unavailable', 'No policy is active.');
  return active;
}

/** The call of a request as it was signed, with its arguments opened: nothing is taken from workflow inputs. */
export async function prepareCall(
  dependencies: Dependencies,
  signed: SignedRequest,
  policy: PolicySet,
): Promise<PreparedCall> {
  const target = targetOf(policy, signed.target);
  const connector = connectorOf(dependencies, actionOf(policy, signed.action));
  if (!target || !connector)
    throw new KeyturnError('unknown_target', 'The active policy has no such action or target.');
  const [requester] = signed.lineage;
  return {
    connector,
    isBreakGlass: signed.break_glass === true,
    call: {
      requestId: signed.id,
      action: signed.action,
      requester: requester ? `${requester.subject} (${requester.issuer})` : '',
      root: identityKey(rootOf(signed.lineage)),
      target,
      arguments: await openArguments(dependencies, signed),
    },
  };
}

function connectorOf(
  { connectors }: Dependencies,
  action: ActionDefinition | undefined,
): Connector | undefined {
  return action?.connector === null ? gateConnector : connectors[action?.connector ?? ''];
}

/** The signed request behind a row; refuses a row that says anything else than what was signed. */
export async function verifiedRequest(dependencies: Dependencies, row: RequestRow): Promise<SignedRequest> {
  const signed = await openEnvelope('request', row.envelope, dependencies.verificationKeys);
  const isSame =
    signed.id === row.id &&
    signed.action === row.action &&
    signed.schema_version === row.schema_version &&
    signed.target === row.target &&
    signed.mode === row.mode &&
    signed.policy_digest === row.creation_policy_digest &&
    signed.intent_digest === row.intent_digest &&
    // Who could judge is told by when the request was made.
    Date.parse(signed.issued_at) === row.created_at.getTime() &&
    digestOf(signed.lineage) === digestOf(row.lineage);
  if (!isSame) throw new KeyturnError('envelope_invalid', 'The stored request is not what was signed.');
  return signed;
}

/** More would not fit into an audit entry. */
const EFFECTS_MAX = 150;

async function storePlan(
  transaction: StepTransaction,
  planned: PlannedCall,
  target: Target,
): Promise<Planned> {
  const { manager, place, row } = transaction;
  if (isFinal(row.status)) return { kind: 'closed', status: row.status };
  const salt = randomBytes(16).toString('hex');
  const body: StoredPlan = { ...planned.plan, salt, target_digest: targetDigest(target) };
  const digest = planDigest(body);
  const alike = likenesses({ ...planned, action: row.action, target: row.target });
  const planRow: PlanRow = { request: row.id, digest, body, made_at: new Date(place.at), alike };
  const { text, values } = insertion(planTable, planRow);
  await manager.query(`${text} on conflict do nothing`, values);
  await transaction.append({
    type: 'request.planned',
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: null,
    policy_digest: null,
    facts: {
      plan_digest: digest,
      fingerprint: body.fingerprint,
      salt,
      target_digest: body.target_digest,
      // Names and counts: with them, whoever checks the request can make the digest anew that people signed.
      effects: body.effects.length > EFFECTS_MAX ? null : effectsForDigest(body),
      risk_facts: { ...body.risk_facts },
      round: row.round + 1,
    },
    evidence: null,
    parts: { summary: body.summary },
  });
  return { kind: 'planned', plan_digest: digest };
}

/** What of it those behind the request may know is for `domain/policy/visibility.ts` to say. */
async function closeRefused(transaction: StepTransaction, refusal: PlanRefusal): Promise<Planned> {
  return closeFailed(transaction, { code: refusal.code, detail: refusal.detail });
}

/** Ends a request that could not be planned. */
export async function closeFailed(
  transaction: StepTransaction,
  failure: { readonly code: string; readonly detail: string },
): Promise<Planned> {
  const { place, row } = transaction;
  if (isFinal(row.status)) return { kind: 'closed', status: row.status };
  await transaction.move({ status: 'failed', failure, open_selectors: [] }, ['planning']);
  await transaction.append({
    type: 'request.plan_failed',
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: null,
    facts: { code: failure.code },
    evidence: null,
    parts: { detail: failure.detail },
  });
  return { kind: 'closed', status: 'failed' };
}
