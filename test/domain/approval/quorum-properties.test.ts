import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { tally, type TallyFacts } from '../../../domain/approval/quorum.ts';
import {
  isGradeSufficient,
  type Requirement,
  type RuleRequirement,
} from '../../../domain/request/requirement.ts';
import { anyCase, anyDecisions, minutes, sorted, tallyFacts } from '../examples.ts';

const NOW = minutes(61);

/** The same requirements with every stage open from the start. */
function inParallel(required: Requirement): Requirement {
  return { ...required, rules: required.rules.map((rule) => ({ ...rule, order: 'parallel' as const })) };
}

function shuffled<Item>(items: readonly Item[], ranks: readonly number[]): readonly Item[] {
  const ranked = items.map((item, index) => ({ item, rank: ranks[index] ?? index }));
  return ranked.sort((left, right) => left.rank - right.rank).map(({ item }) => item);
}

/** People whose approval counts for the rule now, with the stages they may fill. Written without the code under test. */
function candidates(facts: TallyFacts, index: number): ReadonlyMap<string, ReadonlySet<number>> {
  const rule = facts.requirement.rules[index];
  const found = new Map<string, Set<number>>();
  for (const decision of facts.decisions) {
    const age = Date.parse(facts.now) - Date.parse(decision.at);
    if (!rule || decision.verdict !== 'approve' || age >= rule.maximum_age_ms) continue;
    if (!isGradeSufficient(decision.grade, rule.minimum_grade)) continue;
    const stages = decision.seats.filter((seat) => seat.rule === index).map((seat) => seat.stage);
    if (stages.length === 0) continue;
    found.set(decision.person, new Set([...(found.get(decision.person) ?? []), ...stages]));
  }
  return found;
}

/** Tries every way of giving each person one seat or none. */
function canFill(rule: RuleRequirement, people: readonly ReadonlySet<number>[]): boolean {
  const assign = (index: number, free: readonly number[]): boolean => {
    if (free.every((count) => count === 0)) return true;
    const choices = people[index];
    if (!choices) return false;
    const takes = [...choices].filter((stage) => (free[stage] ?? 0) > 0);
    return (
      assign(index + 1, free) ||
      takes.some((stage) =>
        assign(
          index + 1,
          free.map((count, at) => (at === stage ? count - 1 : count)),
        ),
      )
    );
  };
  return assign(
    0,
    rule.stages.map((stage) => stage.quorum),
  );
}

function isApprovedByOracle(facts: TallyFacts): boolean {
  const perRule = facts.requirement.rules.map((rule, index) => ({ rule, people: candidates(facts, index) }));
  const people = new Set(perRule.flatMap((one) => [...one.people.keys()]));
  const areFilled = perRule.every((one) => canFill(one.rule, [...one.people.values()]));
  return areFilled && people.size >= facts.requirement.distinct_people;
}

describe('the tally', () => {
  it('of parallel stages is what trying every assignment of people to seats finds', () => {
    let approvedCount = 0;
    fc.assert(
      fc.property(anyCase(), ({ required, decisions }) => {
        const facts = tallyFacts(inParallel(required), decisions, NOW);
        const isApproved = isApprovedByOracle(facts);
        approvedCount += isApproved ? 1 : 0;
        expect(tally(facts).standing).toBe(isApproved ? 'approved' : 'pending');
      }),
      { numRuns: 2000 },
    );
    // Otherwise the comparison would have been between two ways of saying no.
    expect(approvedCount).toBeGreaterThan(20);
  });

  it('of parallel stages does not depend on the order of decisions', () => {
    fc.assert(
      fc.property(
        anyCase(),
        fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
        ({ required, decisions }, ranks) => {
          const facts = tallyFacts(inParallel(required), decisions, NOW);
          const other = tally({ ...facts, decisions: shuffled(decisions, ranks) });
          const one = tally(facts);
          expect(other.standing).toBe(one.standing);
          expect(sorted(other.people)).toEqual(sorted(one.people));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of sequential stages does not depend on the order in which decisions arrive', () => {
    fc.assert(
      fc.property(
        anyCase(),
        fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
        ({ required, decisions }, ranks) => {
          const instants = new Set(decisions.map((decision) => decision.at));
          fc.pre(instants.size === decisions.length);
          const facts = tallyFacts(required, decisions, NOW);
          expect(tally({ ...facts, decisions: shuffled(decisions, ranks) }).rules).toEqual(
            tally(facts).rules,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never seats a person twice in a rule, nor more people than a stage has seats', () => {
    fc.assert(
      fc.property(anyCase(), ({ required, decisions }) => {
        const facts = tallyFacts(required, decisions, NOW);
        for (const [index, stages] of tally(facts).rules.entries()) {
          const seated = stages.flatMap((one) => one.filled_by);
          expect(new Set(seated).size).toBe(seated.length);
          const may = candidates(facts, index);
          for (const [position, one] of stages.entries()) {
            expect(one.filled_by.length).toBeLessThanOrEqual(one.quorum);
            expect(one.filled_by.every((person) => may.get(person)?.has(position))).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never takes an approval back because somebody else approves', () => {
    const cases = anyCase().chain(({ required, decisions }) =>
      anyDecisions(required, { people: 6 }).map((more) => ({ required, decisions, more })),
    );
    let approvedCount = 0;
    fc.assert(
      fc.property(cases, ({ required, decisions, more }) => {
        const before = tally(tallyFacts(required, decisions, NOW));
        const after = tally(tallyFacts(required, [...decisions, ...more], NOW));
        if (before.standing !== 'approved') return;
        approvedCount += 1;
        expect(after.standing).toBe('approved');
      }),
      { numRuns: 2000 },
    );
    expect(approvedCount).toBeGreaterThan(5);
  });

  it('is a denial exactly when somebody denied', () => {
    const cases = anyCase().chain(({ required }) =>
      anyDecisions(required, { people: 4, verdicts: ['approve', 'approve', 'defer', 'deny'] }).map(
        (decisions) => ({ required, decisions }),
      ),
    );
    fc.assert(
      fc.property(cases, ({ required, decisions }) => {
        const isDenied = decisions.some((decision) => decision.verdict === 'deny');
        const outcome = tally(tallyFacts(required, decisions, NOW));
        expect(outcome.standing === 'denied').toBe(isDenied);
        expect(outcome.denied_by !== null).toBe(isDenied);
      }),
      { numRuns: 500 },
    );
  });

  it('is approved only with a fresh approval', () => {
    fc.assert(
      fc.property(anyCase(), ({ required, decisions }) => {
        const old = decisions.map((decision) => ({ ...decision, at: minutes(-121) }));
        expect(tally(tallyFacts(required, old, minutes(0))).standing).toBe('pending');
      }),
    );
  });

  it('requires at least as much of a sequence as of the same stages side by side', () => {
    fc.assert(
      fc.property(anyCase(), ({ required, decisions }) => {
        const sequence = tally(tallyFacts(required, decisions, NOW));
        const parallel = tally(tallyFacts(inParallel(required), decisions, NOW));
        if (sequence.standing === 'approved') expect(parallel.standing).toBe('approved');
      }),
      { numRuns: 1000 },
    );
  });
});
