import type { Clocks } from '../../domain/calendar/clock.ts';
import { clocksBetween, roundExpiryMs } from '../../domain/calendar/deadlines.ts';
import { peopleBehind } from '../../domain/identity/directory.ts';
import { personPseudonym } from '../../domain/identity/ids.ts';
import { mayStillAsk } from '../../domain/execution/requester.ts';
import { switchesAgainst } from '../../domain/execution/kill-switch.ts';
import { startWindowEndMs } from '../../domain/execution/start.ts';
import { combinedRequirement } from '../../domain/policy/combined-requirement.ts';
import type { CodeWithoutData } from '../../domain/policy/visibility.ts';
import { rowDecisionDigest } from '../../domain/request/digests.ts';
import { isFinal } from '../../domain/request/status.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { RequestRow } from '../../database/tables.ts';
import { personSubjects } from '../actors.ts';
import { closeSwitchedOff, denyByPolicy, refuseExecution, type Closed } from '../close-request.ts';
import type { Dependencies } from '../dependencies.ts';
import { stepSnapshot } from '../load-request.ts';
import { stepReference } from '../caller.ts';
import { evaluationFacts, shownRules } from '../record-evaluation.ts';
import { recordStep, type RecordableStep } from '../record.ts';
import type { StepTransaction } from '../step.ts';
import { refuseOtherAttempt, refuseOtherPlan } from './due-attempt.ts';
import { evaluatePlan, keepEvaluation, type EvaluatedPlan } from './evaluate-plan.ts';
import { shortageOf } from './shortage.ts';
import { settleStanding } from './standing.ts';

/** What the workflow waits for, as pure data. */
export type Evaluated =
  | Closed
  | { readonly kind: 'allow' }
  | {
      readonly kind: 'review';
      readonly requirement: Requirement;
      readonly round: number;
      readonly decision_digest: string;
      readonly pending_since: string;
      readonly expires_at: string;
      /** Only where a rule has a clock. */
      readonly clocks?: Clocks;
    };

/**
 * Asks policy who must agree to a stored plan, and opens a round of decisions. Whatever an earlier round required stays
 * required: a requirement only ever gets stricter, and the expiry never moves later.
 */
export async function evaluate(dependencies: Dependencies, input: PlanToEvaluate): Promise<Evaluated> {
  const { reference, work, announce } = evaluationStep(dependencies, input);
  const result = await recordStep(dependencies, reference, work);
  announce();
  return result;
}

/** Which plan is evaluated, and when. */
interface PlanToEvaluate {
  readonly plan_digest: string;
  readonly attempt: number;
  readonly at: string;
}

/** The step that evaluates a plan. `announce` is called after the commit. */
export function evaluationStep(
  dependencies: Dependencies,
  input: PlanToEvaluate,
): RecordableStep<Evaluated> & { readonly announce: () => void } {
  const reference = stepReference(`evaluate/${input.attempt}`, input.at);
  let isNewlyBreakGlass = false;
  const work = async (transaction: StepTransaction): Promise<Evaluated> => {
    const { row } = transaction;
    const wasBreakGlass = row.is_break_glass;
    if (isFinal(row.status)) return { kind: 'closed', status: row.status };
    refuseOtherAttempt(row, input.attempt);
    await refuseOtherPlan(transaction, input);
    const evaluated = await evaluatePlan(dependencies, transaction, input.plan_digest);
    if (!evaluated) return refuseExecution(transaction, 'target_removed');
    keepEvaluation(transaction, evaluated);
    const { switches } = await stepSnapshot(transaction);
    const { agents } = evaluated.directories.now;
    const [engaged] = switchesAgainst(switches, { ...row, agents });
    if (engaged) return closeSwitchedOff(transaction, engaged);
    if (!mayStillAsk(evaluated.directories, row)) return deny(transaction, evaluated, 'requester_inactive');
    if (evaluated.evaluation.effect === 'forbid') return deny(transaction, evaluated, 'forbidden');
    const requirement = combinedRequirement(row.requirement, evaluated.evaluation);
    if (requirement === null) return allow(transaction, evaluated);
    const opened = await review(dependencies, transaction, { evaluated, requirement });
    isNewlyBreakGlass = row.is_break_glass && !wasBreakGlass;
    return opened;
  };
  // After the commit, and not for a repeated step: each break-glass request is announced once.
  const announce = (): void => {
    if (isNewlyBreakGlass) dependencies.onBreakGlass(reference.request);
  };
  return { reference, work, announce };
}

async function deny(
  transaction: StepTransaction,
  evaluated: EvaluatedPlan,
  code: CodeWithoutData,
): Promise<Evaluated> {
  // Rules that follow from what was tried out are shown to nobody who may not see the plan.
  if (transaction.row.mode !== 'gate') await transaction.update({ plan_digest: evaluated.planDigest });
  return denyByPolicy(transaction, code, evaluated);
}

async function allow(transaction: StepTransaction, evaluated: EvaluatedPlan): Promise<Evaluated> {
  const { row } = transaction;
  await transaction.move('allow', {
    status: 'approved',
    ...evaluatedColumns(row, evaluated, null),
    round: row.round + 1,
  });
  await transaction.append({
    type: 'request.allowed',
    policy_digest: evaluated.policyDigest,
    facts: {
      round: row.round,
      plan_digest: evaluated.planDigest,
      ...evaluationFacts(evaluated),
      ...riskFacts(evaluated),
    },
  });
  return { kind: 'allow' };
}

function riskFacts({ evaluation: { risk } }: EvaluatedPlan) {
  return { risk: risk.tier, risk_reasons: [...risk.reasons] };
}

function evaluatedColumns(
  row: RequestRow,
  { evaluation, plan, planDigest, signed: { start } }: EvaluatedPlan,
  requirement: Requirement | null,
) {
  const { risk, is_break_glass } = evaluation;
  return {
    plan_digest: planDigest,
    decision_digest: rowDecisionDigest(row, { plan, start, risk: risk.tier }, requirement),
    risk: risk.tier,
    risk_reasons: risk.reasons,
    matched_rules: shownRules(evaluation),
    is_break_glass,
    summary: plan.summary,
  };
}

async function review(
  dependencies: Dependencies,
  transaction: StepTransaction,
  { evaluated, requirement }: { readonly evaluated: EvaluatedPlan; readonly requirement: Requirement },
): Promise<Evaluated> {
  const { row } = transaction;
  // The database's clock, not the workflow's word: who can write to the namespace must not move deadlines.
  const openedAt = transaction.now;
  const firstPendingAt = row.first_pending_at ?? openedAt;
  const { expiresAt, clocks } = deadlinesOf(evaluated, requirement, { row, openedAt, firstPendingAt });
  const columns = evaluatedColumns(row, evaluated, requirement);
  await transaction.move('ask', {
    status: 'pending',
    ...columns,
    requirement,
    round: row.round + 1,
    pending_since: openedAt,
    first_pending_at: firstPendingAt,
    expires_at: expiresAt,
    clocks,
    shortage: await shortageOf(dependencies, transaction, { evaluated, requirement }),
  });
  await settleStanding(dependencies, transaction, evaluated.active);
  await appendPending(dependencies, transaction, evaluated);
  return {
    kind: 'review',
    requirement,
    round: row.round,
    decision_digest: columns.decision_digest,
    pending_since: openedAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    ...(clocks === null ? {} : { clocks }),
  };
}

/** The expiry, and business time up to it: later than that nothing escalates. */
function deadlinesOf(
  { active, signed }: EvaluatedPlan,
  { rules }: Requirement,
  opened: { readonly row: RequestRow; readonly openedAt: Date; readonly firstPendingAt: Date },
): { readonly expiresAt: Date; readonly clocks: Clocks | null } {
  const { calendars } = active.policy;
  const expiresMs = roundExpiryMs(rules, calendars, {
    sinceMs: opened.firstPendingAt.getTime(),
    beforeMs: opened.row.expires_at?.getTime() ?? Infinity,
    startWindowEndMs: startWindowEndMs(signed),
  });
  const between = { fromMs: opened.openedAt.getTime(), toMs: expiresMs };
  return { expiresAt: new Date(expiresMs), clocks: clocksBetween(rules, calendars, between) };
}

async function appendPending(
  { identityKey }: Dependencies,
  transaction: StepTransaction,
  evaluated: EvaluatedPlan,
): Promise<void> {
  const { row } = transaction;
  const people = peopleBehind(evaluated.directories.now, row.lineage);
  transaction.remember(personSubjects(identityKey, people));
  await transaction.append({
    type: 'request.pending',
    policy_digest: evaluated.policyDigest,
    facts: {
      round: row.round,
      plan_digest: evaluated.planDigest,
      requirement: JSON.parse(JSON.stringify(row.requirement)),
      pending_since: row.pending_since?.toISOString() ?? null,
      expires_at: row.expires_at?.toISOString() ?? null,
      // Nobody among them may appear as an approver.
      lineage_persons: people.map((person) => personPseudonym(identityKey, person)).sort(),
      ...evaluationFacts(evaluated),
      ...riskFacts(evaluated),
    },
  });
}
