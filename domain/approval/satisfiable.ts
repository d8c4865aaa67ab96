import {
  isAcceptedReviewer,
  isSelected,
  scopesOf,
  type DecisionDirectories,
  type SelectorScope,
} from './seats.ts';
import { isSeenInClaims, type Person } from '../identity/directory.ts';
import type { Lineage } from '../identity/identity.ts';
import { BoundedMap, remembered } from '../once-per.ts';
import { behind } from '../identity/own-request.ts';
import { unknownRotations } from './on-call.ts';
import { tally, type CountedDecision } from './quorum.ts';
import {
  selectorsOfStage,
  type Requirement,
  type RuleRequirement,
  type Stage,
} from '../request/requirement.ts';

/** A rule that too few people can satisfy, even if all agree. */
export interface Shortage {
  /** The rule, or `*`: all rules together, because the risk asks for more different people than may agree to any. */
  readonly rule: string;
  /** Seats that the rule asks for. */
  readonly seats: number;
  /** Seats that can be filled by distinct people who may decide, escalations included. */
  readonly fillable: number;
  /**
   * Selectors of which not everybody is known, where people of theirs might make up for it: groups that are seen in claims
   * at sign-in only, and who is on call by a service that did not answer. People who become known after a request was made
   * decide later ones, not this one.
   */
  readonly unknown?: readonly string[];
}

/** What a shortage is computed from. */
export interface ShortageFacts extends SeatRequirement {
  readonly lineage: Lineage;
}

/** A requirement with the directories that fill its seats, for any requester. */
interface SeatRequirement {
  readonly requirement: Requirement;
  readonly owners: readonly string[];
  readonly directories: DecisionDirectories;
}

type Seats = CountedDecision['seats'];

/** Active people who could fill the same seats of a demand. */
interface Alike {
  readonly seats: Seats;
  readonly people: Person[];
}

/**
 * The rules that cannot be satisfied even if every eligible person approved: an honest warning, never a reason to ask
 * for less. Uses the tally itself, on imagined approvals of all people who are active, outside of the lineage, and in
 * the selectors both now and when the request was made.
 */
export function shortagesOf(facts: ShortageFacts, eligible = eligiblePeople(facts)): readonly Shortage[] {
  const known = knownApprovals(facts, eligible);
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
    .filter((required) => rule === ALL_RULES || required.rule === rule)
    .flatMap((required) => required.stages);
  return [...new Set(stages.flatMap((stage) => unknownSelectors(facts, stage)))].sort();
}

function seatsOf(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + stage.quorum, 0);
}

/** Of people who can fill the same seats, as many as there are seats: one more would fill none. */
function knownApprovals(
  { directories, lineage, requirement }: ShortageFacts,
  eligible: readonly Alike[],
): readonly CountedDecision[] {
  const isOwn = behind(lineage, [directories.now, directories.at_creation]);
  const enough = enoughFor(requirement);
  return eligible.flatMap(({ seats, people }) => {
    const found: CountedDecision[] = [];
    for (const person of people) {
      if (found.length === enough) break;
      if (!isOwn({ person })) found.push(approval(person.id, seats));
    }
    return found;
  });
}

/** Ids of everybody whose approval could fill a seat, escalations included, no matter who else agrees. */
export function approversLeft(facts: ShortageFacts): readonly string[] {
  const isOwn = behind(facts.lineage, [facts.directories.now, facts.directories.at_creation]);
  const people = eligiblePeople(facts).flatMap((alike) => alike.people);
  return people.filter((person) => !isOwn({ person })).map(({ id }) => id);
}

/** Nothing lacks people once this many could fill each of its seats. */
function enoughFor({ rules, distinct_people: distinct }: Requirement): number {
  return distinct + rules.reduce((sum, { stages }) => sum + seatsOf(stages), 0);
}

/** As many people as there are seats, who are in all groups of which not all members are known. */
function strangersApprovals(facts: ShortageFacts): readonly CountedDecision[] {
  const seats = seatsWhere(facts.requirement, (_rule, stage) => unknownSelectors(facts, stage).length > 0);
  // No id of a person holds a space.
  return Array.from({ length: enoughFor(facts.requirement) }, (_, index) =>
    approval(`stranger ${index}`, seats),
  );
}

function seatsWhere(
  { rules }: Requirement,
  mayFill: (rule: RuleRequirement, stage: Stage) => boolean,
): Seats {
  return rules.flatMap((rule, ruleIndex) =>
    rule.stages.flatMap((stage, stageIndex) =>
      mayFill(rule, stage) ? [{ rule: ruleIndex, stage: stageIndex }] : [],
    ),
  );
}

function approval(person: string, seats: Seats): CountedDecision {
  return { id: person, person, verdict: 'approve', at: IMAGINED, grade: 'A', seats };
}

const IMAGINED = '1970-01-01T00:00:00.000Z';

/** Of many requests, most ask the same of the same people. More demands than this are not kept. */
const REQUIREMENTS_MAX = 200;

/** Who could decide, looked up once a demand. Good for one state of directory and rotations only. */
export class EligiblePeople {
  readonly #known = new BoundedMap<string, readonly Alike[]>(REQUIREMENTS_MAX);

  /** People behind a request count as well: they differ from request to request. */
  of(facts: SeatRequirement): readonly Alike[] {
    const key = JSON.stringify([facts.requirement, facts.owners]);
    return remembered(this.#known, key, () => eligiblePeople(facts));
  }
}

function eligiblePeople(facts: SeatRequirement): readonly Alike[] {
  const { requirement, directories } = facts;
  const scopes = everybodysScopes(facts);
  const alike = new Map<string, Alike>();
  for (const person of directories.now.people) {
    if (!person.active) continue;
    const seats = seatsWhere(
      requirement,
      (rule, stage) =>
        isEligible(scopes, stage, person.id) && isAcceptedReviewer(rule, directories, person.id),
    );
    if (seats.length === 0) continue;
    const key = JSON.stringify(seats);
    const known = alike.get(key) ?? { seats, people: [] };
    known.people.push(person);
    alike.set(key, known);
  }
  return [...alike.values()];
}

function isEligible(scopes: readonly SelectorScope[], stage: Stage, person: string): boolean {
  return selectorsOfStage(stage).some((selector) =>
    scopes.every((scope) => isSelected(scope, selector, person)),
  );
}

/** Members of a rotation may be on call before the request expires; an unknown rotation counts nobody. */
function everybodysScopes({ directories, owners }: SeatRequirement): readonly SelectorScope[] {
  const scopes = scopesOf({ request: { owners }, directories, at: directories.polled?.read_at ?? '' });
  return Object.values(scopes).map((scope) => ({ ...scope, duty_at: null }));
}

/** The selectors of a stage, owners spelled out, that may hold people whom nobody knows of. */
function unknownSelectors(facts: ShortageFacts, stage: Stage): readonly string[] {
  const { directories, owners } = facts;
  const selectors = selectorsOfStage(stage).flatMap((selector) =>
    selector === 'owners' ? owners : [selector],
  );
  const groups = selectors.filter(
    (selector) =>
      selector.startsWith('group:') && isSeenInClaims(directories.now, selector.slice('group:'.length)),
  );
  const silent = everybodysScopes(facts).flatMap((scope) => unknownRotations(scope, selectors));
  return [...groups, ...silent.map(({ id }) => `oncall:${id}`)];
}
