import { isAcceptedReviewer, isSelected, type DecisionDirectories, type SelectorScope } from './seats.ts';
import { isSeenInClaims } from './directory.ts';
import type { Lineage } from './identity.ts';
import { behind } from './own-request.ts';
import { polledScopes, unknownRotations } from './on-call.ts';
import { tally, type CountedDecision } from './quorum.ts';
import type { Requirement, RuleRequirement, Selector, Stage } from './requirement.ts';

/** A rule that too few people can satisfy, whoever agrees. */
export interface Shortage {
  /** The rule, or `*`: all rules together, because the risk asks for more different people than may agree to any. */
  readonly rule: string;
  /** Seats that the rule asks for. */
  readonly seats: number;
  /** Seats that can be filled by distinct people who may decide, escalations included. */
  readonly fillable: number;
  /**
   * Selectors of which not everybody is known, where people of theirs might make up for it: groups that are seen in claims
   * at sign-in only, and who is on call by a service that was not heard. Whoever is heard of after a request was made
   * decides later ones, not this one.
   */
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
  const known = knownApprovals(facts);
  const short = shortRules(facts, known);
  if (short.length === 0) return [];
  const others = new Set(shortRules(facts, [...known, ...strangersApprovals(facts)]).map(({ rule }) => rule));
  return short.map((shortage) =>
    others.has(shortage.rule) ? shortage : { ...shortage, unknown: unknownOf(facts, shortage.rule) },
  );
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
  const short = rules.flatMap(({ rule, stages }, index) => {
    const seats = seatsOf(stages);
    const fillable = (standing.rules[index] ?? []).reduce((sum, stage) => sum + stage.filled_by.length, 0);
    return fillable < seats ? [{ rule, seats, fillable }] : [];
  });
  if (short.length > 0) return short;
  const { distinct_people: seats } = requirement;
  const fillable = standing.people.length;
  return fillable < seats ? [{ rule: ALL_RULES, seats, fillable }] : [];
}

const ALL_RULES = '*';

function unknownOf(facts: ShortageFacts, rule: string): readonly string[] {
  const stages = facts.requirement.rules
    .filter((asked) => rule === ALL_RULES || asked.rule === rule)
    .flatMap((asked) => asked.stages);
  return [...new Set(stages.flatMap((stage) => unknownSelectors(facts, stage)))].sort();
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
  const { rules, distinct_people: distinct } = facts.requirement;
  const count = distinct + rules.reduce((sum, { stages }) => sum + seatsOf(stages), 0);
  // No id of a person holds a space.
  return Array.from({ length: count }, (_, index) =>
    approval(
      `stranger ${index}`,
      facts.requirement,
      (_rule, stage) => unknownSelectors(facts, stage).length > 0,
    ),
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
  const isOwn = behind(lineage, [directories.now, directories.at_creation]);
  return directories.now.people
    .filter((person) => person.active && !isOwn({ person }))
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

function selectorsOf({ any, escalate }: Stage): readonly Selector[] {
  return [...any, ...escalate.map((step) => step.to)];
}

/** The selectors of a stage, owners spelled out, that may hold people whom nobody knows of. */
function unknownSelectors(facts: ShortageFacts, stage: Stage): readonly string[] {
  const { directories, owners } = facts;
  const selectors = selectorsOf(stage).flatMap((selector) => (selector === 'owners' ? owners : [selector]));
  const groups = selectors.filter(
    (selector) =>
      selector.startsWith('group:') && isSeenInClaims(directories.now, selector.slice('group:'.length)),
  );
  const silent = scopesOf(facts).flatMap((scope) => unknownRotations(scope, selectors));
  return [...groups, ...silent.map(({ id }) => `oncall:${id}`)];
}
