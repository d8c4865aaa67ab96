import { isAcceptedReviewer, isSelected, type DecisionDirectories } from './decision.ts';
import { isSeenInClaims, ownKeysOf } from './directory.ts';
import type { Lineage } from './identity.ts';
import { tally, type CountedDecision } from './quorum.ts';
import type { Requirement, RuleRequirement, Selector, Stage } from './requirement.ts';

/** A rule that too few people can satisfy, whoever agrees. */
export interface Shortage {
  readonly rule: string;
  /** Seats that the rule asks for. */
  readonly seats: number;
  /** Seats that can be filled by distinct people who may decide, escalations included. */
  readonly fillable: number;
  /**
   * False when people whom nobody knows of may make up for it: members of a group that is seen in claims at sign-in only.
   * Whoever is seen for the first time after a request was made decides later ones, not this one.
   */
  readonly is_known?: false;
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
  const known = knownApprovals(facts);
  const short = shortRules(facts, known);
  if (short.length === 0) return [];
  const others = new Set(shortRules(facts, [...known, ...strangersApprovals(facts)]).map(({ rule }) => rule));
  return short.map((shortage) => (others.has(shortage.rule) ? shortage : { ...shortage, is_known: false }));
}

function shortRules(
  { requirement }: ShortageFacts,
  decisions: readonly CountedDecision[],
): readonly Shortage[] {
  const rules = requirement.rules.map((rule) => ({ ...rule, order: 'parallel' as const }));
  const standing = tally({
    requirement: { ...requirement, rules },
    pending_since: IMAGINED,
    decisions,
    now: IMAGINED,
  });
  return rules.flatMap(({ rule, stages }, index) => {
    const seats = seatsOf(stages);
    const fillable = (standing.rules[index] ?? []).reduce((sum, stage) => sum + stage.filled_by.length, 0);
    return fillable < seats ? [{ rule, seats, fillable }] : [];
  });
}

function seatsOf(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + stage.quorum, 0);
}

function knownApprovals(facts: ShortageFacts): readonly CountedDecision[] {
  return eligiblePeople(facts).map((person) =>
    approval(person, facts.requirement, (rule, stage) => {
      return isAcceptedReviewer(rule, facts.directories, person) && isEligible(facts, stage, person);
    }),
  );
}

/** As many people as there are seats, who are in all groups of which not all members are known. */
function strangersApprovals(facts: ShortageFacts): readonly CountedDecision[] {
  const count = facts.requirement.rules.reduce((sum, { stages }) => sum + seatsOf(stages), 0);
  // No id of a person holds a space.
  return Array.from({ length: count }, (_, index) =>
    approval(`stranger ${index}`, facts.requirement, (_rule, stage) => mayHoldStrangers(facts, stage)),
  );
}

function approval(
  person: string,
  { rules }: Requirement,
  mayFill: (rule: RuleRequirement, stage: Stage) => boolean,
): CountedDecision {
  const seats = rules.flatMap((rule, ruleIndex) =>
    rule.stages.flatMap((stage, stageIndex) =>
      mayFill(rule, stage) ? [{ rule: ruleIndex, stage: stageIndex }] : [],
    ),
  );
  return { id: person, person, verdict: 'approve', at: IMAGINED, grade: 'A', seats };
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

/** Whoever is in a rotation may be on duty before the request expires. */
function isEligible({ directories, owners }: ShortageFacts, stage: Stage, person: string): boolean {
  const { rotations } = directories;
  const scopes = [
    { directory: directories.now, owners, rotations: rotations.now, duty_at: null },
    {
      directory: directories.at_creation,
      owners: directories.owners_at_creation,
      rotations: rotations.at_creation,
      duty_at: null,
    },
  ];
  return selectorsOf(stage).some((selector) => scopes.every((scope) => isSelected(scope, selector, person)));
}

function selectorsOf({ any, escalate }: Stage): readonly Selector[] {
  return [...any, ...escalate.map((step) => step.to)];
}

function mayHoldStrangers({ directories, owners }: ShortageFacts, stage: Stage): boolean {
  return selectorsOf(stage)
    .flatMap((selector) => (selector === 'owners' ? owners : [selector]))
    .some(
      (selector) =>
        selector.startsWith('group:') && isSeenInClaims(directories.now, selector.slice('group:'.length)),
    );
}
