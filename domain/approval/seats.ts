import type { Clocks } from '../calendar/clock.ts';
import { personOnCall, rotationMembers, type Rotation } from '../calendar/rotation.ts';
import { groupsOf, membersOf, personById, type Directory } from '../identity/directory.ts';
import { selectorsAt } from './escalation.ts';
import { Expression } from '../conditions/expression.ts';
import { bindFacts } from '../conditions/binding.ts';
import type { Lineage } from '../identity/identity.ts';
import { isOnCallByService, polledScopes, type OnCallScope, type PolledRotations } from './on-call.ts';
import { behind } from '../identity/own-request.ts';
import { REVIEWER_FACT_TYPES } from '../policy/built-in-facts.ts';
import { isSameSeat, tally, type CountedDecision, type SeatReference, type TallyFacts } from './quorum.ts';
import type { RequestStatus } from '../request/status.ts';
import type { Requirement, RuleRequirement, Selector, Stage } from '../request/requirement.ts';

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

/** What of a request says whose seats there are. */
type SeatedRequest = Pick<DecidableRequest, 'lineage' | 'requirement' | 'owners'>;

interface SeatInputs<Request extends SeatedRequest = SeatedRequest> {
  readonly request: Request;
  readonly directories: DecisionDirectories;
  readonly at: string;
}

/** Seats at an instant: RFC 3339 UTC. */
export type SeatFacts = SeatInputs<DecidableRequest>;

interface OpenStage {
  readonly rule: RuleRequirement;
  readonly seat: SeatReference;
  /** Whom it asks now. */
  readonly selectors: readonly Selector[];
  readonly isFilled: boolean;
}

/** The stages that ask somebody now. What people decided counts as far as it holds by the directory of now. */
export function openStages(facts: SeatFacts): readonly OpenStage[] {
  return stagesOpenAt(standingRequest(facts.request, facts.directories), facts.at);
}

/** The same where it is known what decisions are worth. */
export function stagesOpenAt(request: DecidableRequest, at: string): readonly OpenStage[] {
  const { rules } = tally(tallyFactsOf(request, at));
  return request.requirement.rules.flatMap((rule, ruleIndex) =>
    rule.stages.flatMap((stage, stageIndex) => {
      const state = rules[ruleIndex]?.[stageIndex];
      if (!state || state.opened_at === null) return [];
      const selectors = selectorsAt({ stage, rule, clocks: request.clocks }, state.opened_at, at);
      const isFilled = state.filled_by.length >= state.quorum;
      return [{ rule, seat: { rule: ruleIndex, stage: stageIndex }, selectors, isFilled }];
    }),
  );
}

/** Seats of open stages that the person may fill now. */
export function openSeatsOf(facts: SeatFacts, person: string): readonly SeatReference[] {
  return openStages(facts)
    .filter(
      ({ rule, selectors }) => seatedFrom(facts, { rule, any: selectors, escalate: [] }, person) !== null,
    )
    .map(({ seat }) => seat);
}

/**
 * All seats that a decision of the person is worth: none unless the person may fill one now; with it also those that
 * open later, and those that are the person's only once they escalate. So the order in which people decide makes no
 * difference.
 */
export function seatsOf(facts: SeatFacts, person: string): readonly SeatReference[] {
  const open = openSeatsOf(facts, person);
  if (open.length === 0) return [];
  const later = allSeatsOf(facts, person).filter((seat) => !open.some((one) => isSameSeat(one, seat)));
  return [...open, ...later];
}

function allSeatsOf(facts: SeatInputs, person: string): readonly SeatReference[] {
  return facts.request.requirement.rules.flatMap((rule, ruleIndex) =>
    rule.stages.flatMap((stage, stageIndex) => {
      const after = seatedFrom(facts, { rule, ...stage }, person);
      if (after === null) return [];
      return [{ rule: ruleIndex, stage: stageIndex, ...(after === 0 ? {} : { after_ms: after }) }];
    }),
  );
}

/**
 * How long after the stage opened it asks the person, milliseconds; null: never. Its selectors must hold the person both
 * now and when the request was made. Somebody on call was in the rotation then and is on duty when they decide: not
 * then, or nobody could decide after a hand-over.
 */
function seatedFrom(
  facts: SeatInputs,
  { rule, any, escalate }: Pick<Stage, 'any' | 'escalate'> & { readonly rule: RuleRequirement },
  person: string,
): number | null {
  if (!isAcceptedReviewer(rule, facts.directories, person)) return null;
  const { now, atCreation } = scopesOf(facts);
  const holds = (selector: Selector) =>
    isSelected(now, selector, person) && isSelected(atCreation, selector, person);
  if (any.some(holds)) return 0;
  const steps = escalate.filter(({ to }) => holds(to)).map(({ after_ms }) => after_ms);
  return steps.length === 0 ? null : Math.min(...steps);
}

/**
 * The request with what its decisions are worth by the directory of now: who was deactivated, left a group, or turned
 * out to be behind the request fills no seat any more. Nobody's decision becomes worth more than it was when it was made.
 */
export function standingRequest(
  request: DecidableRequest,
  directories: DecisionDirectories,
): DecidableRequest {
  const seats = standingSeats(request, directories);
  // A denial is no claim to a seat, and a deferral fills none.
  const decisions = request.decisions.map((decision, index) =>
    decision.verdict === 'approve' ? { ...decision, seats: seats[index] ?? [] } : decision,
  );
  return { ...request, decisions };
}

/** The seats that each of the approvals still fills or may fill, in their order. */
export function standingSeats(
  request: SeatedRequest & {
    readonly decisions: readonly Pick<CountedDecision, 'person' | 'account' | 'seats' | 'at'>[];
  },
  directories: DecisionDirectories,
): readonly (readonly SeatReference[])[] {
  const isOwn = behind(request.lineage, [directories.now, directories.at_creation]);
  return request.decisions.map(({ person, account, seats, at }) => {
    const known = personById(directories.now, person);
    if (known?.active !== true || isOwn({ person: known, ...(account && { account }) })) return [];
    const standing = allSeatsOf({ request, directories, at }, person);
    return seats.filter((seat) => standing.some((one) => isSameSeat(one, seat)));
  });
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

/** Where selectors are resolved at that instant: now, and when the request was made. */
export function scopesOf({
  request: { owners },
  directories,
  at,
}: Pick<SeatInputs, 'directories' | 'at'> & { readonly request: Pick<SeatedRequest, 'owners'> }): {
  readonly now: SelectorScope;
  readonly atCreation: SelectorScope;
} {
  const { now, at_creation, rotations, owners_at_creation } = directories;
  const polled = polledScopes(directories.polled, at);
  return {
    now: { directory: now, owners, rotations: rotations.now, ...polled.now, duty_at: at },
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

/**
 * True for an active person whom one of these selectors names, by group or person. Being on call and owning a target make
 * nobody an operator or an auditor.
 */
export function isNamed(
  selectors: readonly Selector[] | undefined,
  directory: Directory,
  person: string,
): boolean {
  if (personById(directory, person)?.active !== true) return false;
  const scope = { directory, owners: [], rotations: [], duty_at: null };
  return (selectors ?? []).some((selector) => isSelected(scope, selector, person));
}

function isOnCall(scope: SelectorScope, id: string, person: string): boolean {
  const { rotations, duty_at } = scope;
  const rotation = rotations.find((candidate) => candidate.id === id);
  if (!rotation) return isOnCallByService(scope, id, person);
  return duty_at === null
    ? rotationMembers(rotation).has(person)
    : personOnCall(rotation, duty_at) === person;
}
