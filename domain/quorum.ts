import type { Clocks } from './calendar/clock.ts';
import {
  isGradeSufficient,
  type EvidenceGrade,
  type Requirement,
  type RuleRequirement,
} from './requirement.ts';

/** What a person said. A deferral is not an answer: the person may still decide. */
export type Verdict = 'approve' | 'deny' | 'defer';

/** One seat a decision could fill when it was made: index of the rule and of the stage inside it. */
export interface SeatReference {
  readonly rule: number;
  readonly stage: number;
}

/** A recorded decision of the current round, as the tally needs it. */
export interface CountedDecision {
  readonly id: string;
  readonly person: string;
  readonly verdict: Verdict;
  /** The instant the decision is judged by, RFC 3339 UTC. */
  readonly at: string;
  readonly grade: EvidenceGrade;
  readonly seats: readonly SeatReference[];
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
  /** What escalations of rules with a clock are counted by. The tally itself counts wall time only. */
  readonly clocks?: Clocks;
}

/**
 * Where a request stands. Guarantees: any denial ends it; every rule needs its own quorum of distinct people, `>=`
 * and never `==`; inside a rule a person fills at most one seat, and seats are assigned by maximum matching, so an
 * approval never lands where it blocks another; an approval past the rule's maximum age counts nothing.
 */
export function tally(facts: TallyFacts): Tally {
  const denial = facts.decisions.find((decision) => decision.verdict === 'deny');
  const rules = facts.requirement.rules.map((rule, index) => tallyRule(facts, rule, index));
  const people = [...new Set(freshApprovals(facts).map((decision) => decision.person))];
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

/** Approvals that still count for at least one rule. */
function freshApprovals(facts: TallyFacts): readonly CountedDecision[] {
  return facts.decisions.filter((decision) =>
    facts.requirement.rules.some((rule, index) => countsFor({ facts, rule, index }, decision)),
  );
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

function tallyRule(facts: TallyFacts, rule: RuleRequirement, index: number): readonly StageTally[] {
  const approvals = facts.decisions
    .filter((decision) => countsFor({ facts, rule, index }, decision))
    .sort((left, right) => Date.parse(left.at) - Date.parse(right.at));
  const filled = fillSeats(rule, index, approvals);
  return rule.stages.map((stage, position) => ({
    opened_at: openedAt({ facts, rule, index }, position, approvals),
    filled_by: filled[position] ?? [],
    quorum: stage.quorum,
  }));
}

/** The instant from which a stage may be decided: at once, or when the stages before it were satisfied. */
function openedAt(
  context: RuleContext,
  position: number,
  approvals: readonly CountedDecision[],
): string | null {
  if (context.rule.order === 'parallel' || position === 0) return context.facts.pending_since;
  const earlier = { ...context.rule, stages: context.rule.stages.slice(0, position) };
  for (let count = 1; count <= approvals.length; count += 1) {
    const filled = fillSeats(earlier, context.index, approvals.slice(0, count));
    if (earlier.stages.every((stage, at) => (filled[at]?.length ?? 0) >= stage.quorum)) {
      return approvals[count - 1]?.at ?? null;
    }
  }
  return null;
}

/**
 * Maximum bipartite matching (augmenting paths) of people to seats. Seat s of a stage is one of its `quorum` places;
 * the result lists the people per stage. People are taken in order of their approval, so the assignment is stable.
 */
function fillSeats(
  rule: RuleRequirement,
  ruleIndex: number,
  approvals: readonly CountedDecision[],
): readonly (readonly string[])[] {
  const seats = rule.stages.flatMap((stage, position) =>
    Array.from({ length: stage.quorum }, () => position),
  );
  const stagesOf = new Map<string, Set<number>>();
  for (const approval of approvals) {
    const stages = stagesOf.get(approval.person) ?? new Set<number>();
    approval.seats.filter((seat) => seat.rule === ruleIndex).forEach((seat) => stages.add(seat.stage));
    stagesOf.set(approval.person, stages);
  }
  const holder = new Map<number, string>();
  for (const person of stagesOf.keys()) seatPerson(person, { seats, stagesOf, holder, tried: new Set() });
  return rule.stages.map((_, position) =>
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
