import { clocksBetween, expiryMs } from '../domain/calendar/deadlines.ts';
import { checkDecision, unchangedDirectories, type DecisionCheck } from '../domain/approval/decision.ts';
import { tallyFactsOf, type DecidableRequest, type DecisionDirectories } from '../domain/approval/seats.ts';
import { personById, type Directory } from '../domain/identity/directory.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import type { Identity, Lineage } from '../domain/identity/identity.ts';
import { supposedOnCall } from '../domain/approval/on-call.ts';
import { ownersByArguments } from '../domain/approval/owners.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import type { PolicyFacts } from '../domain/policy/facts.ts';
import { tally, type CountedDecision, type Verdict } from '../domain/approval/quorum.ts';
import type { Requirement } from '../domain/request/requirement.ts';

/** A decision that a test takes as made before. */
export interface PolicyTestDecision {
  /** Id of the person. */
  readonly by: string;
  readonly verdict: Exclude<Verdict, 'defer'>;
  /** How long after the request became pending. */
  readonly at_ms: number;
}

/** What can become of a request in a test. */
export const TEST_STATUSES = ['pending', 'approved', 'denied', 'expired'] as const;

/** What became of the request of a test. */
export type PolicyTestStatus = (typeof TEST_STATUSES)[number];

/** What was asked, and what policy said. */
export interface AskedReview {
  readonly policy: PolicySet;
  readonly facts: PolicyFacts;
  readonly lineage: Lineage;
  readonly evaluation: Evaluation;
  /** Who is on duty by rotations that services keep, ids of people by ids of rotations. */
  readonly onCall: Readonly<Record<string, readonly string[]>>;
}

/** Where the request stands after the decisions of a test. */
export interface ReviewAfter {
  readonly status: PolicyTestStatus;
  /** Null when nobody is asked. */
  readonly request: DecidableRequest | null;
  /** The instant of the question, milliseconds. */
  readonly nowMs: number;
  /** Decisions that did not count. */
  readonly refused: readonly { readonly by: string; readonly code: string }[];
}

/** When it expires, should nobody decide. */
export function expiryOf({ policy, facts }: AskedReview, { rules }: Requirement): number {
  return expiryMs(rules, policy.calendars, Date.parse(facts.at));
}

/** The account that a person acts with in tests, or undefined. */
export function accountOf(directory: Directory, person: string): Identity | undefined {
  return personById(directory, person)?.accounts[0];
}

/** Lets people decide one after the other, each on the strongest evidence and with a reason. */
export function reviewAfter(
  asked: AskedReview,
  decisions: readonly PolicyTestDecision[],
  afterMs: number,
): ReviewAfter {
  const startMs = Date.parse(asked.facts.at);
  const nowMs = startMs + Math.max(afterMs, ...decisions.map(({ at_ms: atMs }) => atMs), 0);
  const refused: { readonly by: string; readonly code: string }[] = [];
  let request = openRequest(asked);
  for (const { by, verdict, at_ms: atMs } of decisions) {
    const at = startMs + atMs;
    const check = attempt(asked, request && settled(request, at), { by, verdict, at });
    if (check.ok) request = request && withDecision(request, { by: check.person, verdict, at }, check.seats);
    else refused.push({ by, code: check.code });
  }
  request &&= settled(request, nowMs);
  return { status: statusOf(asked, request, nowMs), request, nowMs, refused };
}

/** What comes of an approval by this person now. */
export function answerTo(asked: AskedReview, { request, nowMs }: ReviewAfter, by: string): string {
  const check = attempt(asked, request, { by, verdict: 'approve', at: nowMs });
  return check.ok ? 'yes' : check.code;
}

const DIGEST = 'the request of the test';

function openRequest(asked: AskedReview): DecidableRequest | null {
  const { policy, facts, lineage, evaluation } = asked;
  const { requirement } = evaluation;
  if (requirement === null) return null;
  const expiresAt = expiryOf(asked, requirement);
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
    owners: ownersIn(asked),
    decisions: [],
  };
}

interface Attempt {
  readonly by: string;
  readonly verdict: PolicyTestDecision['verdict'];
  readonly at: number;
}

function attempt(
  asked: AskedReview,
  request: DecidableRequest | null,
  { by, verdict, at }: Attempt,
): DecisionCheck {
  const { policy } = asked;
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
    directories: directoriesIn(asked),
  });
}

/** Whom `owners` means in the request of a test. */
export function ownersIn({ policy, facts }: AskedReview): readonly string[] {
  return ownersByArguments(policy, { ...facts, target: facts.target.id });
}

/** The directories that decide who may decide: those of the policy, the same now and then. */
export function directoriesIn(asked: AskedReview): DecisionDirectories {
  return { ...unchangedDirectories(asked.policy, ownersIn(asked)), ...polledOf(asked) };
}

function polledOf({ policy, facts, onCall }: AskedReview): Pick<DecisionDirectories, 'polled'> {
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

/** The same request with what its decisions have come to by then. */
function settled(request: DecidableRequest, at: number): DecidableRequest {
  return { ...request, status: tally(tallyFactsOf(request, new Date(at).toISOString())).standing };
}

function statusOf(
  { evaluation }: AskedReview,
  request: DecidableRequest | null,
  nowMs: number,
): PolicyTestStatus {
  if (request === null) return evaluation.effect === 'allow' ? 'approved' : 'denied';
  const isOver = nowMs >= Date.parse(request.expires_at);
  if (request.status === 'pending') return isOver ? 'expired' : 'pending';
  return request.status === 'approved' ? 'approved' : 'denied';
}
