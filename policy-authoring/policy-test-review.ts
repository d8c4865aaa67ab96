import { clocksBetween, expiryMs } from '../domain/calendar/deadlines.ts';
import { checkDecision, unchangedDirectories, type DecisionCheck } from '../domain/approval/decision.ts';
import { tallyFactsOf, type DecidableRequest, type DecisionDirectories } from '../domain/approval/seats.ts';
import { personById, type Directory } from '../domain/identity/directory.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import type { Identity, Lineage } from '../domain/identity/identity.ts';
import { supposedOnCall } from '../domain/approval/on-call.ts';
import { ownersByArguments } from '../domain/approval/owners.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import type { PolicyFacts } from '../domain/policy/built-in-facts.ts';
import { tally, type CountedDecision, type Verdict } from '../domain/approval/quorum.ts';
import type { Requirement } from '../domain/request/requirement.ts';

/** A decision that a test takes as made before. */
export interface PolicyTestDecision {
  readonly by: string;
  readonly verdict: Exclude<Verdict, 'defer'>;
  /** How long after the request became pending. */
  readonly at_ms: number;
}

export const TEST_STATUSES = ['pending', 'approved', 'denied', 'expired'] as const;

export type PolicyTestStatus = (typeof TEST_STATUSES)[number];

export interface EvaluatedRequest {
  readonly policy: PolicySet;
  readonly facts: PolicyFacts;
  readonly lineage: Lineage;
  readonly evaluation: Evaluation;
  /** Who is on call by rotations of paging services: ids of people by ids of rotations. */
  readonly onCall: Readonly<Record<string, readonly string[]>>;
}

/** The request after the decisions of a test. */
export interface ReviewAfter {
  readonly status: PolicyTestStatus;
  /** Null without a requirement. */
  readonly request: DecidableRequest | null;
  /** The instant of the check, in milliseconds. */
  readonly nowMs: number;
  /** Decisions that did not count. */
  readonly refused: readonly { readonly by: string; readonly code: string }[];
}

/** When it expires if nobody decides. */
export function expiryOf({ policy, facts }: EvaluatedRequest, { rules }: Requirement): number {
  return expiryMs(rules, policy.calendars, Date.parse(facts.at));
}

/** The account that a person acts with in tests, or undefined. */
export function accountOf(directory: Directory, person: string): Identity | undefined {
  return personById(directory, person)?.accounts[0];
}

/** Lets people decide one after the other, each on the strongest evidence and with a reason. */
export function reviewAfter(
  evaluated: EvaluatedRequest,
  decisions: readonly PolicyTestDecision[],
  afterMs: number,
): ReviewAfter {
  const startMs = Date.parse(evaluated.facts.at);
  const nowMs = startMs + Math.max(afterMs, ...decisions.map(({ at_ms: atMs }) => atMs), 0);
  const refused: { readonly by: string; readonly code: string }[] = [];
  let request = openRequest(evaluated);
  for (const { by, verdict, at_ms: atMs } of decisions) {
    const at = startMs + atMs;
    const check = attempt(evaluated, request && settled(request, at), { by, verdict, at });
    if (check.ok) request = request && withDecision(request, { by: check.person, verdict, at }, check.seats);
    else refused.push({ by, code: check.code });
  }
  request &&= settled(request, nowMs);
  return { status: statusOf(evaluated, request, nowMs), request, nowMs, refused };
}

/** The result of an approval by this person now. */
export function answerTo(evaluated: EvaluatedRequest, { request, nowMs }: ReviewAfter, by: string): string {
  const check = attempt(evaluated, request, { by, verdict: 'approve', at: nowMs });
  return check.ok ? 'yes' : check.code;
}

const DIGEST = 'the request of the test';

function openRequest(evaluated: EvaluatedRequest): DecidableRequest | null {
  const { policy, facts, lineage, evaluation } = evaluated;
  const { requirement } = evaluation;
  if (requirement === null) return null;
  const expiresAt = expiryOf(evaluated, requirement);
  const between = { fromMs: Date.parse(facts.at), toMs: expiresAt };
  const clocks = clocksBetween(requirement.rules, policy.calendars, between);
  return {
    status: 'pending',
    decision_digest: DIGEST,
    lineage,
    requirement,
    pending_since: facts.at,
    expires_at: new Date(expiresAt).toISOString(),
    ...(clocks === null ? {} : { clocks }),
    owners: ownersIn(evaluated),
    decisions: [],
  };
}

type Attempt = Omit<PolicyTestDecision, 'at_ms'> & { readonly at: number };

function attempt(
  evaluated: EvaluatedRequest,
  request: DecidableRequest | null,
  { by, verdict, at }: Attempt,
): DecisionCheck {
  const { policy } = evaluated;
  const nobody = { ok: false, message: '' } as const;
  if (request === null) return { ...nobody, code: 'request_not_pending' };
  const reviewer = accountOf(policy.directory, by);
  if (!reviewer) return { ...nobody, code: 'reviewer_unknown' };
  return checkDecision({
    request,
    attempt: {
      decision_digest: DIGEST,
      verdict,
      reviewer,
      is_human: true,
      grade: 'A',
      has_reason: true,
      defer: null,
      at: new Date(at).toISOString(),
    },
    directories: directoriesIn(evaluated),
  });
}

/** Whom `owners` means in the request of a test. */
export function ownersIn({ policy, facts }: EvaluatedRequest): readonly string[] {
  return ownersByArguments(policy, { ...facts, target: facts.target.id });
}

/** The directories that decide who may decide: those of the policy, the same now and then. */
export function directoriesIn(evaluated: EvaluatedRequest): DecisionDirectories {
  return { ...unchangedDirectories(evaluated.policy, ownersIn(evaluated)), ...polledOf(evaluated) };
}

function polledOf({ policy, facts, onCall }: EvaluatedRequest): Pick<DecisionDirectories, 'polled'> {
  const { polled_rotations: rotations, directory } = policy;
  return rotations ? { polled: supposedOnCall(rotations, { onCall, directory, at: facts.at }) } : {};
}

function withDecision(
  request: DecidableRequest,
  { by, verdict, at }: Attempt,
  seats: CountedDecision['seats'],
): DecidableRequest {
  const id = `${request.decisions.length}`;
  const decision = { id, person: by, verdict, at: new Date(at).toISOString(), grade: 'A', seats } as const;
  return { ...request, decisions: [...request.decisions, decision] };
}

/** The same request with the tally of its decisions by then. */
function settled(request: DecidableRequest, at: number): DecidableRequest {
  return { ...request, status: tally(tallyFactsOf(request, new Date(at).toISOString())).standing };
}

function statusOf(
  { evaluation }: EvaluatedRequest,
  request: DecidableRequest | null,
  nowMs: number,
): PolicyTestStatus {
  if (request === null) return evaluation.effect === 'allow' ? 'approved' : 'denied';
  const isOver = nowMs >= Date.parse(request.expires_at);
  if (request.status === 'pending') return isOver ? 'expired' : 'pending';
  return request.status === 'approved' ? 'approved' : 'denied';
}
