import { isAcceptedReviewer, isSelected, type DecisionDirectories, type SelectorScope } from './decision.ts';
import { ownKeysOf } from './directory.ts';
import { polledScopes, unknownRotations } from './on-call.ts';
import type { Lineage } from './identity.ts';
import { tally } from './quorum.ts';
import type { Requirement, Selector, Stage } from './requirement.ts';

/** A rule that too few people can satisfy, whoever agrees. */
export interface Shortage {
  readonly rule: string;
  /** Seats that the rule asks for. */
  readonly seats: number;
  /** Seats that can be filled by distinct people who may decide, escalations included. */
  readonly fillable: number;
  /** Selectors that may hold more people than are counted: nobody knows now who is on call by them. */
  readonly unknown?: readonly string[];
}

/** What a shortage is computed from. */
export interface ShortageFacts {
  readonly requirement: Requirement;
  readonly lineage: Lineage;
  readonly owners: readonly string[];
  readonly directories: DecisionDirectories;
}

/**
 * The rules that cannot be satisfied even if every eligible person approved: an honest warning, never a reason to ask
 * for less. Uses the tally itself, on imagined approvals of all people who are active, outside of the lineage, and in
 * the selectors both now and when the request was made.
 */
export function shortagesOf(facts: ShortageFacts): readonly Shortage[] {
  const { requirement } = facts;
  const eligible = eligiblePeople(facts);
  const decisions = eligible.map((person) => ({
    id: person,
    person,
    verdict: 'approve' as const,
    at: IMAGINED,
    grade: 'A' as const,
    seats: requirement.rules.flatMap((rule, ruleIndex) =>
      rule.stages.flatMap((stage, stageIndex) =>
        isAcceptedReviewer(rule, facts.directories.now, person) && isEligible(facts, stage, person)
          ? [{ rule: ruleIndex, stage: stageIndex }]
          : [],
      ),
    ),
  }));
  const rules = requirement.rules.map((rule) => ({ ...rule, order: 'parallel' as const }));
  const standing = tally({
    requirement: { ...requirement, rules },
    pending_since: IMAGINED,
    decisions,
    now: IMAGINED,
  });
  return rules.flatMap(({ rule, stages }, index) => {
    const seats = stages.reduce((sum, stage) => sum + stage.quorum, 0);
    const fillable = (standing.rules[index] ?? []).reduce((sum, stage) => sum + stage.filled_by.length, 0);
    return fillable < seats ? [{ rule, seats, fillable, ...unknownOf(facts, stages) }] : [];
  });
}

function unknownOf(facts: ShortageFacts, stages: readonly Stage[]): Pick<Shortage, 'unknown'> {
  const selectors = stages.flatMap(selectorsOf);
  const found = scopesOf(facts).flatMap((scope) => unknownRotations(scope, selectors));
  const unknown = [...new Set(found.map(({ id }) => `oncall:${id}`))];
  return unknown.length === 0 ? {} : { unknown };
}

function selectorsOf(stage: Stage): readonly Selector[] {
  return [...stage.any, ...stage.escalate.map((step) => step.to)];
}

const IMAGINED = '1970-01-01T00:00:00.000Z';

function eligiblePeople({ directories, lineage }: ShortageFacts): readonly string[] {
  const own = new Set(
    [directories.now, directories.at_creation].flatMap((one) => [...ownKeysOf(one, lineage)]),
  );
  return directories.now.people
    .filter((person) => person.active && !own.has(`person:${person.id}`))
    .map((person) => person.id);
}

function isEligible(facts: ShortageFacts, stage: Stage, person: string): boolean {
  const scopes = scopesOf(facts);
  return selectorsOf(stage).some((selector) => scopes.every((scope) => isSelected(scope, selector, person)));
}

/** Whoever is in a rotation may be on duty before the request expires; of one that nobody knows now, nobody is counted. */
function scopesOf({ directories, owners }: ShortageFacts): readonly SelectorScope[] {
  const { now, at_creation, owners_at_creation, rotations } = directories;
  const polled = polledScopes(directories.polled, directories.polled?.read_at ?? '');
  return [
    { directory: now, owners, rotations: rotations.now, ...polled.now, duty_at: null },
    {
      directory: at_creation,
      owners: owners_at_creation,
      rotations: rotations.at_creation,
      ...polled.atCreation,
      duty_at: null,
    },
  ];
}
