import { randomBytes } from 'node:crypto';

import { isRehearsed } from '../../domain/execution/budgets.ts';
import { effectsForDigest, planDigest } from '../../domain/request/digests.ts';
import { canForbid, evaluate } from '../../domain/policy/evaluation.ts';
import { KeyturnError } from '../../domain/errors.ts';
import { switchesAgainst } from '../../domain/execution/kill-switch.ts';
import { likenesses } from '../../domain/request/likeness.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import { actionOf, targetDigest, targetOf, type Target } from '../../domain/policy/policy.ts';
import { isFinal, type RequestStatus } from '../../domain/request/status.ts';
import { readOverview } from '../../database/step-snapshot.ts';
import { readTrouble } from '../../database/target-troubles.ts';
import type { PlanRow, RequestRow } from '../../database/tables.ts';
import { closeFailed, closeSwitchedOff, denyByPolicy, type Closed } from '../close-request.ts';
import type { PlannedCall, PlanRefusal } from '../connectors/connector.ts';
import type { Dependencies } from '../dependencies.ts';
import { refuseOtherAttempt } from './due-attempt.ts';
import type { PlanInputs } from './evaluate-plan.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { activePolicy, prepareCall, verifiedRequest } from '../load-request.ts';
import { stepReference } from '../caller.ts';
import { gatherFacts } from '../gather-facts.ts';
import { factsDigest, recordEvaluation } from '../record-evaluation.ts';
import { recordStep, recordStepAndNext, type RecordableStep } from '../record.ts';
import { ownOf, type StepReference, type StepTransaction } from '../step.ts';
import { errorClass } from '../error-class.ts';
import { evaluationStep, type Evaluated } from './evaluate.ts';
import { rehearse } from './rehearse.ts';

/** The result of planning. The plan itself stays in the database and travels as a digest. */
export type Planned =
  | {
      readonly kind: 'planned';
      readonly plan_digest: string;
      /** Where it was evaluated at once. */
      readonly evaluated?: Evaluated;
    }
  | Closed;

/** Asks the connector what would happen, and stores it. A refused plan ends the request: no plan, no action. */
export async function plan(
  dependencies: Dependencies,
  input: { readonly attempt: number; readonly at: string },
): Promise<Planned> {
  const reference = stepReference(`plan/${input.attempt}`, input.at);
  return withHeartbeat(() => planOnce(dependencies, reference, input.attempt));
}

async function planOnce(
  dependencies: Dependencies,
  reference: StepReference,
  attempt: number,
): Promise<Planned> {
  const overview = await readOverview(dependencies.source.manager, reference);
  const { recorded, snapshot } = overview;
  if (recorded) return recorded.result as Planned;
  const row = ownOf(overview.row, reference);
  if (isFinal(row.status)) return { kind: 'closed', status: row.status };
  refuseOtherAttempt(row, attempt);
  const { manager } = dependencies.source;
  const { generations } = snapshot;
  const [active, now] = await Promise.all([
    activePolicy(dependencies, manager, snapshot),
    dependencies.directories.ofGeneration(manager, generations.now, snapshot.now),
  ]);
  const [engaged] = switchesAgainst(snapshot.switches, { ...row, agents: now.directory.agents });
  // What a kill switch stops is not even planned: nothing of it reaches the target.
  if (engaged)
    return recordPlanned(dependencies, reference, (transaction) => closeSwitchedOff(transaction, engaged));
  const signed = await verifiedRequest(dependencies, row);
  const refused = await refuseEarly(dependencies, reference, { row, signed, active, ...now });
  if (refused) return refused;
  const prepared = await prepareCall(dependencies, signed, active.policy);
  const { connector = null } = actionOf(active.policy, row.action) ?? {};
  const outcome = await rehearse(dependencies, prepared, {
    row,
    ...now,
    isBudgeted: isRehearsed(connector),
    isBreakGlass: signed.break_glass === true,
  });
  if (outcome.kind === 'refused') {
    logRefused(dependencies, row, outcome);
    // What of it those behind the request may know is for `domain/policy/visibility.ts` to say.
    const { code, detail } = outcome;
    return recordPlanned(dependencies, reference, (transaction) =>
      closeFailed(transaction, { code, detail }),
    );
  }
  const store = unlessOver((transaction) => storePlan(transaction, outcome, prepared.call.target));
  return recordAndEvaluate(dependencies, { reference, work: store }, attempt);
}

/** Records what planning came to, unless the request is over by now. */
async function recordPlanned(
  dependencies: Dependencies,
  reference: StepReference,
  work: (transaction: StepTransaction) => Promise<Planned>,
): Promise<Planned> {
  return recordStep(dependencies, reference, unlessOver(work));
}

function unlessOver(
  work: (transaction: StepTransaction) => Promise<Planned>,
): (transaction: StepTransaction) => Promise<Planned> {
  return async (transaction) => {
    const { status } = transaction.row;
    return isFinal(status) ? { kind: 'closed', status } : work(transaction);
  };
}

/**
 * Records a plan and evaluates it in the same transaction: people see the request as soon as it is planned, before the
 * workflow has heard of it. Where it cannot be evaluated now the plan stands, and the workflow's own step tries again.
 */
async function recordAndEvaluate(
  dependencies: Dependencies,
  step: RecordableStep<Planned>,
  attempt: number,
): Promise<Planned> {
  const { reference, work } = step;
  let announce = (): void => undefined;
  try {
    const [planned, evaluated] = await recordStepAndNext(dependencies, step, (result) => {
      if (result.kind !== 'planned') return null;
      const evaluation = evaluationStep(dependencies, { ...result, attempt, at: reference.at });
      ({ announce } = evaluation);
      return evaluation;
    });
    announce();
    return planned.kind === 'planned' && evaluated !== null ? { ...planned, evaluated } : planned;
  } catch (error) {
    const facts = { request: reference.request, err: errorClass(error) };
    dependencies.log.warn(facts, 'the plan was not evaluated with its recording');
    return recordStep(dependencies, reference, work);
  }
}

/** What is forbidden by facts that are known already is not tried out at the target at all. */
async function refuseEarly(
  dependencies: Dependencies,
  reference: StepReference,
  {
    row,
    signed,
    active,
    directory,
    generation,
  }: Pick<PlanInputs, 'signed' | 'active'> &
    Awaited<ReturnType<Dependencies['directories']['now']>> & { readonly row: RequestRow },
): Promise<Planned | null> {
  const { policy, digest } = active;
  const target = targetOf(policy, signed.target);
  if (!target) throw new KeyturnError('unknown_target', 'The active policy has no such target.');
  // Without a connector nothing is tried out, and the evaluation after it has all facts: this one would lack some.
  const isTriedOut = actionOf(policy, signed.action)?.connector !== null;
  if (!isTriedOut || !canForbid(policy, signed.action, target)) return null;
  const query = { signed, policy, directory, target, plan: null, at: new Date() };
  const facts = await gatherFacts(dependencies, dependencies.source.manager, query);
  const evaluation = evaluate(policy, facts, 'creation');
  if (!evaluation.rules.some((rule) => rule.effect === 'forbid')) return null;
  const evaluated = { facts, evaluation, policyDigest: digest, factsDigest: factsDigest(facts) };
  const where = { round: row.round, phase: 'creation', directoryGeneration: generation, directory } as const;
  return recordPlanned(dependencies, reference, async (transaction) => {
    recordEvaluation(transaction, { ...evaluated, ...where });
    return denyByPolicy(transaction, 'forbidden', evaluated);
  });
}

/**
 * The target could not be reached for planning: the request ends, nothing happened. Unless it was planned all the same, and
 * the workflow has not heard of it: then people may be asked already, and the plan is the answer.
 */
export async function abandonPlanning(
  dependencies: Dependencies,
  { at, step }: { readonly step: string; readonly at: string },
): Promise<Planned | { readonly status: RequestStatus }> {
  return recordStep(dependencies, stepReference(`abandon/${step}`, at), async (transaction) => {
    const { row, manager } = transaction;
    if (isFinal(row.status)) return { status: row.status };
    const planned = (await transaction.resultOf(`plan/${step}`)) as Planned | undefined;
    if (planned?.kind === 'planned') return planned;
    const trouble = await readTrouble(manager, row.id);
    const detail = trouble ?? 'The target could not be reached for a plan.';
    const { status } = await closeFailed(transaction, { code: 'target_unreachable', detail });
    return { status };
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

/** More would not fit into an audit entry. */
const EFFECTS_MAX = 150;

async function storePlan(
  transaction: StepTransaction,
  planned: PlannedCall,
  target: Target,
): Promise<Planned> {
  const { reference, row } = transaction;
  const salt = randomBytes(16).toString('hex');
  const body: StoredPlan = { ...planned.plan, salt, target_digest: targetDigest(target) };
  const digest = planDigest(body);
  const alike = likenesses({ ...planned, action: row.action, target: row.target });
  const planRow: PlanRow = { request: row.id, digest, body, made_at: new Date(reference.at), alike };
  transaction.storePlan(planRow);
  await transaction.append({
    type: 'request.planned',
    decision_digest: null,
    facts: {
      plan_digest: digest,
      fingerprint: body.fingerprint,
      salt,
      target_digest: body.target_digest,
      // Names and counts: with them, a check of the request can compute the digest that people signed.
      effects: body.effects.length > EFFECTS_MAX ? null : effectsForDigest(body),
      risk_facts: { ...body.risk_facts },
      round: row.round + 1,
    },
    parts: { summary: body.summary },
  });
  return { kind: 'planned', plan_digest: digest };
}
