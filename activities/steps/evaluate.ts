import type { Clocks } from '../../domain/calendar/clock.ts';
import { clocksBetween, roundExpiryMs } from '../../domain/calendar/deadlines.ts';
import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import { decisionDigest } from '../../domain/request/digests.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { KeyturnError } from '../../domain/errors.ts';
import {
  combinedRequirement,
  evaluate as evaluatePolicy,
  type Evaluation,
} from '../../domain/policy/evaluation.ts';
import type { SignedRequest } from '../../domain/crypto/envelope.ts';
import { ownersOf } from '../../domain/approval/owners.ts';
import type { PolicyFacts } from '../../domain/policy/facts.ts';
import { targetOf, type PolicySet } from '../../domain/policy/policy.ts';
import { shortagesOf, type Shortage } from '../../domain/approval/satisfiable.ts';
import { isFinal, type RequestStatus } from '../../domain/request/request.ts';
import { startWindowEndMs } from '../../domain/execution/start.ts';
import { mayStillAsk } from '../../domain/execution/requester.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import type { CodeWithoutData } from '../../domain/policy/visibility.ts';
import { readSwitches } from '../../database/kill-switches.ts';
import { readIntactPlan } from '../../database/readers.ts';
import type { RequestRow } from '../../database/tables.ts';
import { lineagePersons, personsBehind, rememberPeople, SYSTEM_ACTOR } from '../actors.ts';
import { decisionDirectories } from '../decision-directories.ts';
import { denyByPolicy, groundFacts, shownRules } from '../deny.ts';
import type { Dependencies } from '../dependencies.ts';
import { refuseOtherAttempt, refuseOtherPlan } from './due-attempt.ts';
import { refuseOtherOwnerKey } from '../owner-key.ts';
import { placeOf } from '../place.ts';
import { verifiedRequest } from './plan.ts';
import { gatherFacts } from '../policy-facts.ts';
import { factsDigest, recordEvaluation } from '../record-evaluation.ts';
import { recordStep, type StepTransaction } from '../record.ts';
import { refuseExecution } from './settle.ts';
import { settleStanding } from './standing.ts';
import { closeSwitchedOff, switchAgainst } from '../switches.ts';

/** What the workflow waits for, as pure data. */
export type Evaluated =
  | { readonly kind: 'closed'; readonly status: RequestStatus }
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

/** A stored plan, judged by the policy and directory of now. */
export interface Judged {
  readonly plan: StoredPlan;
  readonly planDigest: string;
  readonly policy: PolicySet;
  readonly policyDigest: string;
  readonly directories: { readonly now: Directory; readonly at_creation: Directory };
  /** The number of the last change of the directory of now. */
  readonly directoryGeneration: string;
  readonly facts: PolicyFacts;
  readonly factsDigest: string;
  readonly evaluation: Evaluation;
  /** When the approved action may start, as it was signed. */
  readonly start: SignedRequest['start'];
}

/**
 * Asks policy who must agree to a stored plan, and opens a round of decisions. Whatever an earlier round demanded stays
 * demanded: a requirement only ever gets stricter, and the expiry never moves later.
 */
export async function evaluate(
  dependencies: Dependencies,
  input: { readonly plan_digest: string; readonly attempt: number; readonly at: string },
): Promise<Evaluated> {
  const place = placeOf(`evaluate/${input.attempt}`, input.at);
  let isNewEmergency = false;
  const evaluated = await recordStep(dependencies, place, async (transaction): Promise<Evaluated> => {
    const { row } = transaction;
    const wasEmergency = row.is_break_glass;
    if (isFinal(row.status)) return { kind: 'closed', status: row.status };
    refuseOtherAttempt(row, input.attempt);
    await refuseOtherPlan(transaction, input);
    const judged = await judge(dependencies, transaction, input.plan_digest);
    if (!judged) return refuseExecution(transaction, 'target_removed');
    await keepJudgement(transaction, judged);
    const thrown = switchAgainst(await readSwitches(transaction.manager), row, judged.directories.now);
    if (thrown) return closeSwitchedOff(transaction, thrown);
    if (!mayStillAsk(judged.directories, row)) return deny(transaction, judged, 'requester_inactive');
    if (judged.evaluation.effect === 'forbid') return deny(transaction, judged, 'forbidden');
    if (judged.evaluation.requirement === null && row.requirement === null) return allow(transaction, judged);
    const opened = await review(dependencies, transaction, judged);
    isNewEmergency = row.is_break_glass && !wasEmergency;
    return opened;
  });
  // After the commit, and not for a repeated step: each emergency is told once.
  if (isNewEmergency) dependencies.onEmergency(place.request);
  return evaluated;
}

/** Judges a stored plan once more. Null when the active policy does not know the target any more. */
export async function judge(
  dependencies: Dependencies,
  { manager, row, now: at }: StepTransaction,
  planDigest: string,
): Promise<Judged | null> {
  const [active, planRow, { directory, generation }, atCreation, signed] = await Promise.all([
    dependencies.policies.active(manager),
    readIntactPlan(manager, row.id, planDigest),
    dependencies.directories.now(manager),
    dependencies.directories.at(manager, row.created_at),
    verifiedRequest(dependencies, row),
  ]);
  if (!active) throw new KeyturnError('unavailable', 'No policy is active.');
  if (!planRow) throw new KeyturnError('plan_failed', 'There is no such plan.');
  const { policy, digest: policyDigest } = active;
  const target = targetOf(policy, row.target);
  if (!target) return null;
  const asked = { signed, policy, directory, target, plan: planRow.body, at };
  const facts = await gatherFacts(dependencies, manager, asked);
  await refuseOtherOwnerKey(dependencies, { manager, row }, facts.args);
  return {
    plan: planRow.body,
    planDigest,
    policy,
    policyDigest,
    directories: { now: directory, at_creation: atCreation },
    directoryGeneration: generation,
    facts,
    factsDigest: factsDigest(facts),
    evaluation: evaluatePolicy(policy, facts, 'planned'),
    start: signed.start,
  };
}

/** Keeps what a plan was judged by, before anything comes of it. */
export async function keepJudgement({ manager, row }: StepTransaction, judged: Judged): Promise<void> {
  const { policyDigest, directoryGeneration, directories } = judged;
  const place = { row, round: row.round + 1, phase: 'planned' as const };
  const ground = { policyDigest, directoryGeneration, directory: directories.now };
  await recordEvaluation(manager, { ...place, ...ground }, judged);
}

async function deny(transaction: StepTransaction, judged: Judged, code: CodeWithoutData): Promise<Evaluated> {
  // Rules that follow from what was tried out are told to nobody who may not see the plan.
  if (transaction.row.mode !== 'gate') await transaction.update({ plan_digest: judged.planDigest });
  await denyByPolicy(transaction, code, judged);
  return { kind: 'closed', status: 'denied' };
}

/** A requirement that demands nobody: the decision digest still binds what was allowed. */
function demandsNobody(evaluation: Evaluation): Requirement {
  return { risk: evaluation.risk.tier, distinct_people: 0, rules: [] };
}

async function allow(transaction: StepTransaction, judged: Judged): Promise<Evaluated> {
  const { place, row } = transaction;
  const digest = digestFor(row, judged, demandsNobody(judged.evaluation));
  await transaction.move(
    { status: 'approved', ...judgedColumns(judged), decision_digest: digest, round: row.round + 1 },
    ['planning'],
  );
  await transaction.append({
    type: 'request.allowed',
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: digest,
    policy_digest: judged.policyDigest,
    facts: {
      round: row.round,
      plan_digest: judged.planDigest,
      ...groundFacts(judged),
      risk: judged.evaluation.risk.tier,
      risk_reasons: [...judged.evaluation.risk.reasons],
    },
    evidence: null,
    parts: {},
  });
  return { kind: 'allow' };
}

function judgedColumns(judged: Judged): Partial<RequestRow> {
  return {
    plan_digest: judged.planDigest,
    risk: judged.evaluation.risk.tier,
    risk_reasons: judged.evaluation.risk.reasons,
    matched_rules: shownRules(judged.evaluation),
    is_break_glass: judged.evaluation.is_break_glass,
    summary: judged.plan.summary,
  };
}

function digestFor(row: RequestRow, judged: Judged, requirement: Requirement): string {
  return decisionDigest({
    request: row.id,
    intent_digest: row.intent_digest,
    plan: judged.plan,
    lineage: row.lineage,
    requirement,
    start: judged.start,
  });
}

async function review(
  dependencies: Dependencies,
  transaction: StepTransaction,
  judged: Judged,
): Promise<Evaluated> {
  const { row } = transaction;
  const requirement = combinedRequirement(row.requirement, judged.evaluation);
  if (requirement === null) throw new KeyturnError('policy_invalid', 'A review without a requirement.');
  const digest = digestFor(row, judged, requirement);
  // The database's clock, not the workflow's word: whoever can write to the namespace must not move deadlines.
  const openedAt = transaction.now;
  const firstPendingAt = row.first_pending_at ?? openedAt;
  const { expiresAt, clocks } = deadlinesOf(judged, requirement, { row, openedAt, firstPendingAt });
  await transaction.move(
    {
      status: 'pending',
      ...judgedColumns(judged),
      requirement,
      round: row.round + 1,
      decision_digest: digest,
      pending_since: openedAt,
      first_pending_at: firstPendingAt,
      expires_at: expiresAt,
      clocks,
      shortage: await shortageOf(dependencies, transaction, { judged, requirement }),
    },
    ['planning'],
  );
  const active = { policy: judged.policy, digest: judged.policyDigest };
  await settleStanding(dependencies, transaction, active);
  await appendPending(dependencies, transaction, judged);
  return {
    kind: 'review',
    requirement,
    round: row.round,
    decision_digest: digest,
    pending_since: openedAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    ...(clocks === null ? {} : { clocks }),
  };
}

/** The expiry, and business time up to it: later than that nothing escalates. */
function deadlinesOf(
  { policy: { calendars }, start }: Judged,
  { rules }: Requirement,
  opened: { readonly row: RequestRow; readonly openedAt: Date; readonly firstPendingAt: Date },
): { readonly expiresAt: Date; readonly clocks: Clocks | null } {
  const expiresMs = roundExpiryMs(rules, calendars, {
    sinceMs: opened.firstPendingAt.getTime(),
    beforeMs: opened.row.expires_at?.getTime() ?? Infinity,
    startWindowEndMs: startWindowEndMs({ start }),
  });
  const between = { fromMs: opened.openedAt.getTime(), toMs: expiresMs };
  return { expiresAt: new Date(expiresMs), clocks: clocksBetween(rules, calendars, between) };
}

/** Told to the requester and to operators at once: a request that nobody can approve would only expire. Logged when new. */
export async function shortageOf(
  dependencies: Dependencies,
  { manager, row }: StepTransaction,
  { judged, requirement }: { readonly judged: Judged; readonly requirement: Requirement },
): Promise<RequestRow['shortage']> {
  const directories = await decisionDirectories(dependencies, manager, {
    row,
    today: { policy: judged.policy, directory: judged.directories.now },
  });
  const owners = ownersOf(judged.policy, row);
  const shortages = shortagesOf({ requirement, lineage: row.lineage, owners, directories });
  if (shortages.length === 0) return null;
  if (isSameShortage(shortages, row.shortage)) return row.shortage;
  const isKnown = shortages.some((shortage) => shortage.unknown === undefined);
  const warning = isKnown
    ? 'too few people can approve this request'
    : 'too few people are known who can approve this request: others may be in its groups or on call';
  dependencies.log.warn({ request: row.id, shortages }, warning);
  return shortages;
}

function isSameShortage(one: readonly Shortage[], other: readonly Shortage[] | null): boolean {
  return other !== null && canonicalJson(one) === canonicalJson(other);
}

async function appendPending(
  { identityKey }: Dependencies,
  transaction: StepTransaction,
  judged: Judged,
): Promise<void> {
  const { manager, place, row } = transaction;
  await rememberPeople(manager, identityKey, personsBehind(judged.directories.now, row.lineage));
  await transaction.append({
    type: 'request.pending',
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: judged.policyDigest,
    facts: {
      round: row.round,
      plan_digest: judged.planDigest,
      requirement: JSON.parse(JSON.stringify(row.requirement)),
      pending_since: row.pending_since?.toISOString() ?? null,
      expires_at: row.expires_at?.toISOString() ?? null,
      lineage_persons: lineagePersons(identityKey, judged.directories.now, row.lineage),
      ...groundFacts(judged),
      risk_reasons: [...judged.evaluation.risk.reasons],
    },
    evidence: null,
    parts: {},
  });
}
