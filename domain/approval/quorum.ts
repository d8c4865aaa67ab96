import { timeAfter, type Clocks } from '../calendar/clock.ts';
import type { Identity } from '../identity/identity.ts';
import {
  isGradeSufficient,
  type EvidenceGrade,
  type Requirement,
  type RuleRequirement,
  type Stage,
} from '../request/requirement.ts';

/**
 * What a person said. A deferral is not an answer: the person may still decide. After an approval was taken back they may
 * decide again as well.
 */
export type Verdict = 'approve' | 'deny' | 'defer' | 'take_back';

/**
 * One seat that a decision may fill, whether its stage was open when it was made or opens later: index of the rule and
 * of the stage inside it.
 */
export interface SeatReference {
  readonly rule: number;
  readonly stage: number;
  /** The seat is open to the person only from so long after the stage opened, by an escalation. Absent: from the start. */
  readonly after_ms?: number;
}

/** True for the same place of the same rule, whenever it opens. */
export function isSameSeat(one: SeatReference, other: SeatReference): boolean {
  return one.rule === other.rule && one.stage === other.stage;
}

/** True when one of the seats is none that these answers of the same person could fill. */
export function hasFurtherSeat(
  seats: readonly SeatReference[],
  answers: readonly Pick<CountedDecision, 'seats'>[],
): boolean {
  return seats.some((seat) => !answers.some((answer) => answer.seats.some((one) => isSameSeat(one, seat))));
}

/** False from when the decision is too old for any rule it was given for. */
export function isFreshForAll(
  { rules }: Requirement,
  decision: Pick<CountedDecision, 'at' | 'seats'>,
  now: string,
): boolean {
  const ages = decision.seats.map((seat) => rules[seat.rule]?.maximum_age_ms ?? 0);
  return Date.parse(decision.at) + Math.min(...ages) > Date.parse(now);
}

/** A recorded decision of the current round, as the tally needs it. */
export interface CountedDecision {
  readonly id: string;
  readonly person: string;
  /** The account it was made with; not known where only what adds up is of interest. */
  readonly account?: Identity;
  readonly verdict: Verdict;
  /** Of the verdict take_back: the approval that does not count any more. */
  readonly takes_back?: string;
  /** The instant the decision is judged by, RFC 3339 UTC. */
  readonly at: string;
  readonly grade: EvidenceGrade;
  readonly seats: readonly SeatReference[];
}

/** What is left to count: without approvals that were taken back, and without what took them back. */
export function withoutTakenBack<Decision extends TakingBack & Pick<CountedDecision, 'id'>>(
  decisions: readonly Decision[],
): readonly Decision[] {
  const taken = takenBack(decisions);
  return decisions.filter(
    ({ id, verdict }) => verdict !== 'take_back' && !(verdict === 'approve' && taken.has(id)),
  );
}

/** The ids that these decisions take back. */
export function takenBack(decisions: readonly TakingBack[]): ReadonlySet<string> {
  return new Set(
    decisions.flatMap(({ verdict, takes_back: id }) => (verdict === 'take_back' && id != null ? [id] : [])),
  );
}

/** A decision that may take another back, as it is signed or stored. */
interface TakingBack {
  readonly verdict: Verdict;
  readonly takes_back?: string | null;
}

/** How far one stage is. `opened_at` is null while an earlier stage of a sequential rule is not satisfied. */
export interface StageTally {
  readonly opened_at: string | null;
  readonly filled_by: readonly string[];
  readonly quorum: number;
}

/** How far a request is. */
export interface Tally {
  readonly standing: 'pending' | 'approved' | 'denied';
  readonly denied_by: string | null;
  readonly people: readonly string[];
  readonly rules: readonly (readonly StageTally[])[];
}

/** The facts a tally is computed from. */
export interface TallyFacts {
  readonly requirement: Requirement;
  readonly pending_since: string;
  readonly decisions: readonly CountedDecision[];
  /** The instant to judge the age of approvals at, RFC 3339 UTC. */
  readonly now: string;
  /** What escalations of rules with a clock are counted by. Expiry and age are wall time. */
  readonly clocks?: Clocks;
}

/**
 * Where a request stands. Guarantees: any denial ends it; every rule needs its own quorum of distinct people, `>=`
 * and never `==`; inside a rule a person fills at most one seat, and seats are assigned by maximum matching, so an
 * approval never lands where it blocks another; an approval fills a seat that opens after it was made; an approval past
 * the rule's maximum age counts nothing, nor does one that was taken back. The order in which decisions arrive makes no
 * difference.
 */
export function tally({ decisions, ...rest }: TallyFacts): Tally {
  const facts = { ...rest, decisions: withoutTakenBack(decisions) };
  const denial = facts.decisions.find((decision) => decision.verdict === 'deny');
  const tallied = facts.requirement.rules.map((rule, index) => tallyRule(facts, rule, index));
  const rules = tallied.map(({ stages }) => stages);
  const seated = new Set(tallied.flatMap(({ people }) => people));
  const people = [...new Set(facts.decisions.map(({ person }) => person))].filter((one) => seated.has(one));
  const isSatisfied =
    rules.length > 0 &&
    rules.every((stages) => stages.every(isStageFilled)) &&
    people.length >= facts.requirement.distinct_people;
  return { standing: standingOf(denial, isSatisfied), denied_by: denial?.person ?? null, people, rules };
}

function standingOf(denial: CountedDecision | undefined, isSatisfied: boolean): Tally['standing'] {
  if (denial) return 'denied';
  return isSatisfied ? 'approved' : 'pending';
}

function isStageFilled(stage: StageTally): boolean {
  return stage.opened_at !== null && stage.filled_by.length >= stage.quorum;
}

interface RuleContext {
  readonly facts: TallyFacts;
  readonly rule: RuleRequirement;
  readonly index: number;
}

function countsFor({ facts, rule, index }: RuleContext, decision: CountedDecision): boolean {
  return (
    decision.verdict === 'approve' &&
    isGradeSufficient(decision.grade, rule.minimum_grade) &&
    Date.parse(decision.at) + rule.maximum_age_ms > Date.parse(facts.now) &&
    decision.seats.some((seat) => seat.rule === index)
  );
}

interface RuleTally {
  readonly stages: readonly StageTally[];
  /** Whose approval may fill a seat that is open, and open to them, by now. */
  readonly people: readonly string[];
}

function tallyRule(facts: TallyFacts, rule: RuleRequirement, index: number): RuleTally {
  const approvals = facts.decisions
    .filter((decision) => countsFor({ facts, rule, index }, decision))
    .sort((left, right) => Date.parse(left.at) - Date.parse(right.at));
  const context = { facts, rule, index, approvals };
  const opened: (string | null)[] = [];
  for (const position of rule.stages.keys()) opened.push(openedAt(context, opened, position));
  const seats = stagesByPerson(context, opened, Date.parse(facts.now));
  const filled = fillSeats(rule.stages, seats);
  const stages = rule.stages.map((stage, position) => ({
    opened_at: opened[position] ?? null,
    filled_by: filled[position] ?? [],
    quorum: stage.quorum,
  }));
  const isOpen = (stage: number): boolean => typeof opened[stage] === 'string';
  const people = [...seats].filter(([, open]) => [...open].some(isOpen)).map(([person]) => person);
  return { stages, people };
}

interface RuleApprovals extends RuleContext {
  /** Those that count for the rule, in the order they were made. */
  readonly approvals: readonly CountedDecision[];
}

/** The instant from which a stage may be decided: at once, or when the stages before it were satisfied. */
function openedAt(
  context: RuleApprovals,
  opened: readonly (string | null)[],
  position: number,
): string | null {
  if (context.rule.order === 'parallel' || position === 0) return context.facts.pending_since;
  const earlier = context.rule.stages.slice(0, position);
  for (const instant of momentsOf(context, opened)) {
    const made = context.approvals.filter(({ at }) => Date.parse(at) <= Date.parse(instant));
    const people = stagesByPerson({ ...context, approvals: made }, opened, Date.parse(instant));
    const filled = fillSeats(earlier, people);
    if (earlier.every((stage, at) => (filled[at]?.length ?? 0) >= stage.quorum)) return instant;
  }
  return null;
}

/** The instants at which a seat can have been filled: an approval was made, or became good for an escalated seat. */
function momentsOf(context: RuleApprovals, opened: readonly (string | null)[]): readonly string[] {
  const { approvals, index, facts } = context;
  const due = approvals
    .flatMap(({ seats }) => seats.filter((seat) => seat.rule === index && seat.after_ms !== undefined))
    .map((seat) => openToPersonMs(context, opened, seat))
    .filter((ms) => Number.isFinite(ms) && ms <= Date.parse(facts.now))
    .map((ms) => new Date(ms).toISOString());
  return [...approvals.map(({ at }) => at), ...due].sort(
    (left, right) => Date.parse(left) - Date.parse(right),
  );
}

/** From when the seat may be filled by the person; infinite while nobody can tell. */
function openToPersonMs(
  { rule, facts }: RuleContext,
  opened: readonly (string | null)[],
  { stage, after_ms: durationMs }: SeatReference,
): number {
  if (durationMs === undefined) return Number.NEGATIVE_INFINITY;
  const stageOpenedAt = opened[stage] ?? null;
  if (stageOpenedAt === null) return Number.POSITIVE_INFINITY;
  const span = { fromMs: Date.parse(stageOpenedAt), durationMs };
  return timeAfter(rule, span, facts.clocks) ?? Number.POSITIVE_INFINITY;
}

/** The stages of the rule that each person may fill at an instant, people in the order of their approval. */
function stagesByPerson(
  context: RuleApprovals,
  opened: readonly (string | null)[],
  nowMs: number,
): ReadonlyMap<string, ReadonlySet<number>> {
  const people = new Map<string, Set<number>>();
  for (const { person, seats } of context.approvals) {
    const stages = people.get(person) ?? new Set<number>();
    for (const seat of seats)
      if (seat.rule === context.index && openToPersonMs(context, opened, seat) <= nowMs)
        stages.add(seat.stage);
    people.set(person, stages);
  }
  return people;
}

/**
 * Maximum bipartite matching (augmenting paths) of people to seats. Seat s of a stage is one of its `quorum` places;
 * the result lists the people per stage. People are taken in order of their approval, so the assignment is stable.
 */
function fillSeats(
  stages: readonly Stage[],
  stagesOf: ReadonlyMap<string, ReadonlySet<number>>,
): readonly (readonly string[])[] {
  const seats = stages.flatMap((stage, position) => Array.from({ length: stage.quorum }, () => position));
  const holder = new Map<number, string>();
  for (const person of stagesOf.keys()) seatPerson(person, { seats, stagesOf, holder, tried: new Set() });
  return stages.map((_, position) =>
    [...holder].filter(([seat]) => seats[seat] === position).map(([, person]) => person),
  );
}

interface Matching {
  readonly seats: readonly number[];
  readonly stagesOf: ReadonlyMap<string, ReadonlySet<number>>;
  readonly holder: Map<number, string>;
  readonly tried: Set<number>;
}

function seatPerson(person: string, matching: Matching): boolean {
  for (const [seat, stage] of matching.seats.entries()) {
    if (matching.tried.has(seat) || !matching.stagesOf.get(person)?.has(stage)) continue;
    matching.tried.add(seat);
    const sitting = matching.holder.get(seat);
    if (sitting === undefined || seatPerson(sitting, matching)) {
      matching.holder.set(seat, person);
      return true;
    }
  }
  return false;
}
