import { personOf, type Person } from '../identity/directory.ts';
import type { ErrorCode } from '../errors.ts';
import { type Identity } from '../identity/identity.ts';
import { standsBehind } from '../identity/own-request.ts';
import { supposedOnCall, unknownRotations } from './on-call.ts';
import type { PolicySet } from '../policy/policy.ts';
import {
  hasFurtherSeat,
  isFreshForAll,
  withoutTakenBack,
  type CountedDecision,
  type SeatReference,
  type Verdict,
} from './quorum.ts';
import { isStop, takeBackRefusal } from './take-back.ts';
import { ownRequirement, type ReviewerCondition } from '../policy/reviewer-condition.ts';
import {
  isGradeSufficient,
  selectorsOfRule,
  type EvidenceGrade,
  type Selector,
} from '../request/requirement.ts';
import {
  openSeatsOf,
  openStages,
  scopesOf,
  seatsOf,
  type DecidableRequest,
  type DecisionDirectories,
  type SeatFacts,
} from './seats.ts';

/** What somebody wants to decide. `at` is the instant the decision is judged by, RFC 3339 UTC. */
export interface DecisionAttempt {
  readonly decision_digest: string;
  readonly verdict: Verdict;
  /** Of the verdict take_back: the approval that is taken back. */
  readonly takes_back?: string;
  readonly reviewer: Identity;
  /** Proved by the credential: an interactive client, the decide scope, no actor. */
  readonly is_human: boolean;
  readonly grade: EvidenceGrade;
  readonly has_reason: boolean;
  readonly defer: { readonly until: string | null; readonly to: string | null } | null;
  readonly at: string;
}

/**
 * As if nobody had joined or left since the request was made: for looking at a policy by itself. What services say of
 * rotations is not part of it, so of those nobody knows who is on call.
 */
export function unchangedDirectories(
  { directory, rotations, polled_rotations: polled }: PolicyPeople,
  owners: readonly string[],
): DecisionDirectories {
  return {
    now: directory,
    at_creation: directory,
    rotations: { now: rotations, at_creation: rotations },
    ...(polled === undefined
      ? {}
      : { polled: supposedOnCall(polled, { onCall: {}, directory, at: ANY_TIME }) }),
    owners_at_creation: owners,
  };
}

const ANY_TIME = '1970-01-01T00:00:00.000Z';

/** What of a policy says who people are. */
export type PolicyPeople = Pick<PolicySet, 'directory' | 'rotations' | 'polled_rotations'>;

/** The facts of a decision check. */
export interface DecisionFacts {
  readonly request: DecidableRequest;
  readonly attempt: DecisionAttempt;
  readonly directories: DecisionDirectories;
  /** What all reviewers must meet by the active policy: only for the words of a refusal. */
  readonly reviewers?: ReviewerCondition | undefined;
}

/** Whether the person may decide, and which seats the decision may fill. */
export type DecisionCheck =
  | { readonly ok: true; readonly person: string; readonly seats: readonly SeatReference[] }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

type Check = (facts: DecisionFacts, person: Person) => DecisionCheck | null;

/**
 * The invariants of a reviewer, in the order they are told to the caller. They are code, not policy: nothing switches
 * them off, for nobody. Called by the API to refuse at once, by the worker before recording, by the executor again.
 */
const CHECKS: readonly Check[] = [
  refuseInactive,
  refuseOwnRequest,
  refuseNewAccount,
  ({ request, attempt }, person) => takeBackRefusal(request, attempt, person.id),
  refuseNotPending,
  refuseExpired,
  refuseOtherDigest,
  refuseSecondDecision,
  refuseWithoutReason,
  refuseBadDeferral,
];

/** May this person decide this request, now, with this credential? */
export function checkDecision(facts: DecisionFacts): DecisionCheck {
  if (!facts.attempt.is_human) {
    return refuse('machine_cannot_decide', 'Deciding takes a person who signed in interactively.');
  }
  const person = personOf(facts.directories.now, facts.attempt.reviewer);
  if (!person) return refuse('reviewer_unknown', 'The directory does not know this account as a reviewer.');
  for (const check of CHECKS) {
    const refusal = check(facts, person);
    if (refusal) return refusal;
  }
  return checkSeats(facts, person);
}

function refuse(code: ErrorCode, message: string): DecisionCheck {
  return { ok: false, code, message };
}

function refuseInactive(_facts: DecisionFacts, person: Person): DecisionCheck | null {
  return person.active ? null : refuse('reviewer_inactive', 'This reviewer is deactivated.');
}

/** The whole lineage, by person and by account, in the directory of today and in that of the request's creation. */
function refuseOwnRequest(
  { request, attempt, directories }: DecisionFacts,
  person: Person,
): DecisionCheck | null {
  const { now, at_creation } = directories;
  if (!standsBehind(request.lineage, { account: attempt.reviewer, person }, [now, at_creation])) return null;
  return attempt.verdict === 'deny'
    ? refuse('use_withdraw', 'This is your own request: withdraw it instead of denying it.')
    : refuse('self_approval', 'Nobody decides their own request: you are part of the identities behind it.');
}

/**
 * An account is a person's seat in the same way as a group is: giving it to somebody must not let them decide what was
 * requested before.
 */
function refuseNewAccount({ attempt, directories }: DecisionFacts, person: Person): DecisionCheck | null {
  if (personOf(directories.at_creation, attempt.reviewer)?.id === person.id) return null;
  return refuse('reviewer_unknown', "This account was not this reviewer's when the request was made.");
}

function refuseNotPending(facts: DecisionFacts): DecisionCheck | null {
  const { status } = facts.request;
  return status === 'pending' || stopsApproved(facts)
    ? null
    : refuse('request_not_pending', `The request is ${status}, not pending.`);
}

/**
 * A denial stops what is approved as well, and so does taking an approval back, until it is claimed, also where it is held
 * beyond its expiry. Else an attacker who orders the messages of a workflow could void a denial that came first, by having
 * an approval consumed before it.
 */
function stopsApproved({ request, attempt }: DecisionFacts): boolean {
  return request.status === 'approved' && isStop(attempt.verdict);
}

function refuseExpired(facts: DecisionFacts): DecisionCheck | null {
  if (stopsApproved(facts)) return null;
  // Asked this way round, an instant that cannot be read is too late.
  const isInTime = Date.parse(facts.attempt.at) < Date.parse(facts.request.expires_at);
  return isInTime ? null : refuse('request_expired', 'The request expired before this decision was made.');
}

function refuseOtherDigest(facts: DecisionFacts): DecisionCheck | null {
  return facts.attempt.decision_digest === facts.request.decision_digest
    ? null
    : refuse(
        'decision_digest_stale',
        'The request has changed since you read it. Read it again before you decide.',
      );
}

/**
 * A second answer is refused. After a deferral, or once an approval was taken back or went stale, the person may answer
 * again; and approve again where that fills an open seat which the first approval could not, such as one that asks for
 * stronger evidence.
 */
function refuseSecondDecision(facts: DecisionFacts, person: Person): DecisionCheck | null {
  const { request, attempt } = facts;
  if (attempt.verdict === 'take_back') return null;
  const answers = withoutTakenBack(request.decisions).filter(
    (decision) =>
      decision.person === person.id &&
      decision.verdict !== 'defer' &&
      // Once it is too old for any rule that it was given for, that rule must be able to ask again.
      isFreshForAll(request.requirement, decision, attempt.at),
  );
  if (mayAnswer(attempt.verdict, answers) || fillsFurtherSeat(facts, person, answers)) return null;
  return refuse('already_decided', 'You have already decided this request: take your approval back first.');
}

/** Who approved may deny all the same: nobody has to watch what they know by now to be a mistake. True without answers. */
export function mayAnswer(verdict: Verdict, answers: readonly CountedDecision[]): boolean {
  return (
    answers.length === 0 || (verdict === 'deny' && answers.every((answer) => answer.verdict === 'approve'))
  );
}

function fillsFurtherSeat(
  facts: DecisionFacts,
  person: Person,
  answers: readonly CountedDecision[],
): boolean {
  if (facts.attempt.verdict !== 'approve') return false;
  const open = openSeatsOf(seatFactsOf(facts), person.id);
  return hasFurtherSeat(strong(facts, open), answers);
}

function refuseWithoutReason(facts: DecisionFacts): DecisionCheck | null {
  const isRequired = facts.request.requirement.rules.some((rule) => rule.is_reason_required);
  return isRequired && !facts.attempt.has_reason && facts.attempt.verdict !== 'defer'
    ? refuse('reason_required', 'Policy asks for a reason with every decision.')
    : null;
}

function refuseBadDeferral(facts: DecisionFacts): DecisionCheck | null {
  const { verdict, defer, at } = facts.attempt;
  if (verdict !== 'defer') return null;
  if (!defer || (defer.until === null) === (defer.to === null)) {
    return refuse('defer_invalid', 'A deferral names either an instant (until) or a group (to).');
  }
  if (defer.until !== null && !(Date.parse(defer.until) > Date.parse(at))) {
    return refuse('defer_invalid', 'A deferral must end in the future.');
  }
  const isInside = defer.to === null || requiredSelectors(facts.request).includes(defer.to as Selector);
  return isInside
    ? null
    : refuse('hand_over_invalid', 'Hand over only to a group that the request already requires.');
}

/** Every selector that the requirement names, escalations included. Hand-over stays within them. */
export function requiredSelectors(request: Pick<DecidableRequest, 'requirement'>): readonly Selector[] {
  return request.requirement.rules.flatMap(selectorsOfRule);
}

function checkSeats(facts: DecisionFacts, person: Person): DecisionCheck {
  // It only removes: people who left the group since must still be able to.
  if (facts.attempt.verdict === 'take_back') return { ok: true, person: person.id, seats: [] };
  const seats = seatsOf(seatFactsOf(facts), person.id);
  if (seats.length === 0) return refuseUnseated(facts, person);
  if (facts.attempt.verdict !== 'approve') return { ok: true, person: person.id, seats };
  if (strong(facts, openSeatsOf(seatFactsOf(facts), person.id)).length === 0) {
    return refuse('grade_too_low', 'Policy asks for stronger evidence than this channel gives.');
  }
  return { ok: true, person: person.id, seats: strong(facts, seats) };
}

function seatFactsOf({ request, attempt, directories }: DecisionFacts): SeatFacts {
  return { request, directories, at: attempt.at };
}

/** The seats that an approval on this evidence may fill. */
function strong(
  { request, attempt }: DecisionFacts,
  seats: readonly SeatReference[],
): readonly SeatReference[] {
  return seats.filter((seat) => {
    const rule = request.requirement.rules[seat.rule];
    return rule !== undefined && isGradeSufficient(attempt.grade, rule.minimum_grade);
  });
}

/** Nobody may decide because nobody knows who could: that must not look as if the person were the wrong one. */
function refuseUnseated(facts: DecisionFacts, person: Person): DecisionCheck {
  const seats = seatFactsOf(facts);
  const selectors = openStages(seats).flatMap((stage) => stage.selectors);
  const { now, atCreation } = scopesOf(seats);
  const [silent] = unknownRotations(now, selectors);
  if (silent) {
    const answered =
      silent.last_heard === null ? 'has never answered' : `last answered at ${silent.last_heard}`;
    const message = `It is not known who is on call by oncall:${silent.id}: its service ${answered}.`;
    return refuse('on_call_unknown', `${message} Nobody can decide as being on call until it answers.`);
  }
  const [unknown] = unknownRotations(atCreation, selectors);
  if (unknown) {
    const message = `It was not known who was on call by oncall:${unknown.id} when the request was made`;
    return refuse('on_call_unknown', `${message}, so nobody can decide it as being on call. Ask it again.`);
  }
  const because = keptOutBecause(facts, person);
  const message = 'You are not a reviewer of any open stage of this request';
  return refuse('not_eligible', because === null ? `${message}.` : `${message}: ${because}`);
}

/** The reason that policy gives for what all reviewers must meet, where nothing else keeps the person out. */
function keptOutBecause(facts: DecisionFacts, person: Person): string | null {
  const { request, reviewers } = facts;
  if (reviewers === undefined) return null;
  const rules = request.requirement.rules.map((rule) => ownRequirement(rule, reviewers));
  const without = { ...request, requirement: { ...request.requirement, rules } };
  const seats = openSeatsOf(seatFactsOf({ ...facts, request: without }), person.id);
  return seats.length === 0 ? null : reviewers.because;
}
