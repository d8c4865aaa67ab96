import type { Clocks } from './calendar/clock.ts';
import { onDuty, rotationMembers, type Rotation } from './calendar/rotation.ts';
import { groupsOf, membersOf, ownKeysOf, personOf, type Directory, type Person } from './directory.ts';
import type { ErrorCode } from './errors.ts';
import { selectorsAt } from './escalation.ts';
import { Expression } from './expressions/expression.ts';
import { bindFacts } from './expressions/facts.ts';
import { identityKey, type Identity, type Lineage } from './identity.ts';
import {
  isOnCallByService,
  polledScopes,
  supposedOnCall,
  unknownRotations,
  type OnCallScope,
  type PolledRotations,
} from './on-call.ts';
import { tally, type CountedDecision, type SeatReference, type TallyFacts, type Verdict } from './quorum.ts';
import type { PolicySet } from './policy.ts';
import { REVIEWER_FACT_TYPES } from './policy-facts.ts';
import type { RequestStatus } from './request.ts';
import {
  isGradeSufficient,
  type EvidenceGrade,
  type Requirement,
  type RuleRequirement,
  type Selector,
} from './requirement.ts';

/** A request as the check of a decision sees it. */
export interface DecidableRequest {
  readonly status: RequestStatus;
  readonly decision_digest: string | null;
  readonly lineage: Lineage;
  readonly requirement: Requirement;
  readonly pending_since: string;
  readonly expires_at: string;
  /** Whom `owners` means now, as selectors (`ownersOf`). */
  readonly owners: readonly string[];
  /** Counted decisions of the current round. */
  readonly decisions: readonly CountedDecision[];
  /** What rules with a clock count by, as it was worked out when the round opened. */
  readonly clocks?: Clocks;
}

/** What somebody wants to decide. `at` is the instant the decision is judged by, RFC 3339 UTC. */
export interface DecisionAttempt {
  readonly decision_digest: string;
  readonly verdict: Verdict;
  readonly reviewer: Identity;
  /** Proved by the credential: an interactive client, the decide scope, no actor. */
  readonly is_human: boolean;
  readonly grade: EvidenceGrade;
  readonly has_reason: boolean;
  readonly defer: { readonly until: string | null; readonly to: string | null } | null;
  readonly at: string;
}

/** The directory now, and as it was when the request was made: joining a group later does not make a judge. */
export interface DecisionDirectories {
  readonly now: Directory;
  readonly at_creation: Directory;
  /** The rotations of the same two policies. */
  readonly rotations: { readonly now: readonly Rotation[]; readonly at_creation: readonly Rotation[] };
  /** Rotations that services keep; absent where there are none. */
  readonly polled?: PolledRotations;
  /** Who owned the target then: nobody becomes a judge by becoming an owner afterwards. */
  readonly owners_at_creation: readonly string[];
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
    return refuse('machine_cannot_decide', 'Only a person with an interactive sign-in can decide.');
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
function refuseOwnRequest(facts: DecisionFacts, person: Person): DecisionCheck | null {
  if (!isOwnRequest(facts, person)) return null;
  return facts.attempt.verdict === 'deny'
    ? refuse('use_withdraw', 'This is your own request: withdraw it instead of denying it.')
    : refuse('self_approval', 'Nobody decides their own request: you are part of the identities behind it.');
}

function isOwnRequest(facts: DecisionFacts, person: Person): boolean {
  const accounts = [facts.attempt.reviewer, ...person.accounts].map(identityKey);
  return [facts.directories.now, facts.directories.at_creation].some((directory) => {
    const own = ownKeysOf(directory, facts.request.lineage);
    // Who the account belonged to then: giving it to somebody else since does not make it another's.
    const ids = [person.id, personOf(directory, facts.attempt.reviewer)?.id];
    return ids.some((id) => own.has(`person:${id}`)) || accounts.some((account) => own.has(account));
  });
}

function refuseNotPending(facts: DecisionFacts): DecisionCheck | null {
  const { status } = facts.request;
  return status === 'pending'
    ? null
    : refuse('request_not_pending', `The request is ${status}, not pending.`);
}

function refuseExpired(facts: DecisionFacts): DecisionCheck | null {
  // Asked this way round, an instant that cannot be read is too late.
  const isInTime = Date.parse(facts.attempt.at) < Date.parse(facts.request.expires_at);
  return isInTime ? null : refuse('request_expired', 'The request expired before this decision was made.');
}

function refuseOtherDigest(facts: DecisionFacts): DecisionCheck | null {
  return facts.attempt.decision_digest === facts.request.decision_digest
    ? null
    : refuse(
        'decision_digest_stale',
        'What you decided on is not what is asked now: look at the request again.',
      );
}

/** A second answer is refused; after a deferral, or once an approval went stale, the person may answer (again). */
function refuseSecondDecision(facts: DecisionFacts, person: Person): DecisionCheck | null {
  const isDecided = facts.request.decisions.some(
    (decision) =>
      decision.person === person.id && decision.verdict !== 'defer' && isStillCounted(facts, decision),
  );
  return isDecided ? refuse('already_decided', 'You have already decided this request.') : null;
}

/** False from when the decision is too old for any rule it was given for: that rule must be able to ask again. */
function isStillCounted(facts: DecisionFacts, decision: CountedDecision): boolean {
  const { rules } = facts.request.requirement;
  const ages = decision.seats.map((seat) => rules[seat.rule]?.maximum_age_ms ?? 0);
  return Date.parse(decision.at) + Math.min(...ages) > Date.parse(facts.attempt.at);
}

function refuseWithoutReason(facts: DecisionFacts): DecisionCheck | null {
  const isDemanded = facts.request.requirement.rules.some((rule) => rule.is_reason_required);
  return isDemanded && !facts.attempt.has_reason && facts.attempt.verdict !== 'defer'
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
    return refuse('defer_invalid', 'A deferral ends in the future.');
  }
  const isInside = defer.to === null || requiredSelectors(facts.request).includes(defer.to as Selector);
  return isInside
    ? null
    : refuse('hand_over_invalid', 'Hand over only to a group that the request already requires.');
}

/** Every selector that the requirement names, escalations included. Hand-over stays within them. */
export function requiredSelectors(request: Pick<DecidableRequest, 'requirement'>): readonly Selector[] {
  return request.requirement.rules.flatMap((rule) =>
    rule.stages.flatMap((stage) => [...stage.any, ...stage.escalate.map((step) => step.to)]),
  );
}

function checkSeats(facts: DecisionFacts, person: Person): DecisionCheck {
  const seats = seatsOf(facts, person.id);
  if (seats.length === 0) return refuseUnseated(facts);
  const { grade, verdict } = facts.attempt;
  const strong = seats.filter((seat) => {
    const rule = facts.request.requirement.rules[seat.rule];
    return rule !== undefined && isGradeSufficient(grade, rule.minimum_grade);
  });
  if (verdict === 'approve' && strong.length === 0) {
    return refuse('grade_too_low', 'Policy asks for stronger evidence than this channel gives.');
  }
  return { ok: true, person: person.id, seats: verdict === 'approve' ? strong : seats };
}

/** Nobody may decide because nobody knows who could: that must not look as if the person were the wrong one. */
function refuseUnseated(facts: DecisionFacts): DecisionCheck {
  const selectors = openStages(facts).flatMap((stage) => stage.selectors);
  const { now, atCreation } = scopesOf(facts);
  const [silent] = unknownRotations(now, selectors);
  if (silent) {
    const heard = silent.last_heard === null ? 'has never answered' : `last answered at ${silent.last_heard}`;
    const message = `It is not known who is on call by oncall:${silent.id}: its service ${heard}.`;
    return refuse('on_call_unknown', `${message} Nobody can decide as being on call until it answers.`);
  }
  const [unknown] = unknownRotations(atCreation, selectors);
  if (unknown) {
    const message = `It was not known who was on call by oncall:${unknown.id} when the request was made`;
    return refuse('on_call_unknown', `${message}, so nobody can decide it as being on call. Ask it again.`);
  }
  return refuse('not_eligible', 'No open stage of this request can be decided by you.');
}

interface OpenStage {
  readonly rule: RuleRequirement;
  readonly seat: SeatReference;
  /** Whom it asks at the instant of the attempt. */
  readonly selectors: readonly Selector[];
}

function openStages({ request, attempt }: DecisionFacts): readonly OpenStage[] {
  const standing = tally(tallyFactsOf(request, attempt.at));
  return request.requirement.rules.flatMap((rule, ruleIndex) =>
    rule.stages.flatMap((stage, stageIndex) => {
      const openedAt = standing.rules[ruleIndex]?.[stageIndex]?.opened_at ?? null;
      if (openedAt === null) return [];
      const selectors = selectorsAt({ stage, rule, clocks: request.clocks }, openedAt, attempt.at);
      return [{ rule, seat: { rule: ruleIndex, stage: stageIndex }, selectors }];
    }),
  );
}

/**
 * Seats of open stages whose selectors hold the person both now and when the request was made. Somebody on call was in
 * the rotation then and is on duty when they decide: not then, or nobody could decide after a hand-over.
 */
export function seatsOf(facts: DecisionFacts, person: string): readonly SeatReference[] {
  const { now, atCreation } = scopesOf(facts);
  const seated = openStages(facts).filter(
    ({ rule, selectors }) =>
      isAcceptedReviewer(rule, facts.directories, person) &&
      selectors.some(
        (selector) => isSelected(now, selector, person) && isSelected(atCreation, selector, person),
      ),
  );
  return seated.map(({ seat }) => seat);
}

/**
 * The rule's own condition on reviewers, which can only take away: what cannot be evaluated accepts nobody. Met now and
 * when the request was made: nobody joins a group, or leaves one, to decide.
 */
export function isAcceptedReviewer(
  { reviewer_when: when }: RuleRequirement,
  { now, at_creation }: Pick<DecisionDirectories, 'now' | 'at_creation'>,
  person: string,
): boolean {
  if (when === undefined) return true;
  return [now, at_creation].every((directory) =>
    meetsReviewerCondition(when, { id: person, groups: [...groupsOf(directory, person)] }),
  );
}

/** A condition on reviewers, asked about a person and the groups that they are in. */
export function meetsReviewerCondition(
  condition: string,
  { id, groups }: { readonly id: string; readonly groups: readonly string[] },
): boolean {
  const bound = bindFacts(REVIEWER_FACT_TYPES, { reviewer: { id, groups: [...groups] } });
  return new Expression(condition).evaluate(bound).kind === 'true';
}

function scopesOf({ request: { owners }, attempt, directories }: DecisionFacts): {
  readonly now: SelectorScope;
  readonly atCreation: SelectorScope;
} {
  const { now, at_creation, rotations, owners_at_creation } = directories;
  const polled = polledScopes(directories.polled, attempt.at);
  return {
    now: { directory: now, owners, rotations: rotations.now, ...polled.now, duty_at: attempt.at },
    atCreation: {
      directory: at_creation,
      owners: owners_at_creation,
      rotations: rotations.at_creation,
      ...polled.atCreation,
      duty_at: null,
    },
  };
}

/** The tally's facts of a request at an instant. */
export function tallyFactsOf(request: DecidableRequest, now: string): TallyFacts {
  return {
    requirement: request.requirement,
    pending_since: request.pending_since,
    decisions: request.decisions,
    now,
    ...(request.clocks === undefined ? {} : { clocks: request.clocks }),
  };
}

/** Where selectors are resolved: the directory, the owners, and who is on call. */
export interface SelectorScope extends OnCallScope {
  readonly rotations: readonly Rotation[];
}

/** True when the selector holds the person. `owners` stands for other selectors, as policy says. */
export function isSelected(scope: SelectorScope, selector: Selector, person: string): boolean {
  if (selector === 'owners') {
    return scope.owners.some((owner) => owner !== 'owners' && isSelected(scope, owner as Selector, person));
  }
  if (selector.startsWith('user:')) return selector.slice('user:'.length) === person;
  if (selector.startsWith('oncall:')) return isOnCall(scope, selector.slice('oncall:'.length), person);
  if (!selector.startsWith('group:')) return false;
  return membersOf(scope.directory, selector.slice('group:'.length)).has(person);
}

function isOnCall(scope: SelectorScope, id: string, person: string): boolean {
  const { rotations, duty_at } = scope;
  const rotation = rotations.find((candidate) => candidate.id === id);
  if (!rotation) return isOnCallByService(scope, id, person);
  return duty_at === null ? rotationMembers(rotation).has(person) : onDuty(rotation, duty_at) === person;
}
