import {
  actionOf,
  isOwnAction,
  isTargetOf,
  OWN_TARGET,
  ownTarget,
  type ActionDefinition,
  type PolicySet,
  type Rule,
  type Target,
} from '../../domain/policy/policy.ts';
import { possibleOwners } from '../../domain/approval/owners.ts';
import type { RuleRequirement, Stage } from '../../domain/request/requirement.ts';
import { remembered } from '../../domain/once-per.ts';
import { quote } from '../../domain/conditions/did-you-mean.ts';
import { Reviewers, type StageReviewers } from '../../domain/approval/reviewers.ts';
import { inRule, inSettings, type PolicyWarning, type WarningLocation } from './warning.ts';

/**
 * Stages with fewer people than seats, and stages that only the owner of an agent keeps from that: when that agent makes a request,
 * nobody may take its owner's seat. By the directory as the file has it; groups whose members others bring are left out.
 */
export function seatWarnings(policy: PolicySet): readonly PolicyWarning[] {
  const reviewers = new Reviewers(policy);
  const agents = policy.directory.agents.filter(({ active }) => active);
  const scoped = [
    ...defaultRule(policy),
    ...policy.rules.flatMap((rule) => scopedRequirements(policy, rule)),
  ];
  return scoped.flatMap((one) => warningsOfRule({ policy, reviewers, agents }, one));
}

interface Context {
  readonly policy: PolicySet;
  readonly reviewers: Reviewers;
  readonly agents: PolicySet['directory']['agents'];
}

/** A requirement, its location, and the actions and targets that it may apply to. */
interface ScopedRequirement {
  readonly require: RuleRequirement;
  readonly at: WarningLocation;
  readonly actions: readonly ActionDefinition[];
  readonly targets: readonly Target[];
}

function defaultRule({ defaults, actions, targets }: PolicySet): readonly ScopedRequirement[] {
  const at = inSettings('defaults', 'require', 'stages');
  return defaults.effect === 'review' ? [{ require: defaults.require, at, actions, targets }] : [];
}

function scopedRequirements(policy: PolicySet, rule: Rule): readonly ScopedRequirement[] {
  if (rule.require === null) return [];
  const at = inRule(rule, 'require', 'stages');
  const actions = rule.on.action.flatMap((action) => actionOf(policy, action) ?? []);
  return [{ require: rule.require, at, actions, targets: targetsOf(policy, rule) }];
}

function targetsOf(policy: PolicySet, { on }: Rule): readonly Target[] {
  const types = new Set(on.action.map((action) => actionOf(policy, action)?.resource_type));
  const own = on.action.some(isOwnAction) ? [ownTarget(policy)] : [];
  return [...policy.targets, ...own].filter(
    ({ id, environment, resource_type: type }) =>
      (types.has(type) || id === OWN_TARGET) &&
      (on.env?.includes(environment) ?? true) &&
      (on.target?.includes(id) ?? true),
  );
}

/**
 * Rules, and the default, of which a request can never be approved on some target: there are fewer people than seats, however
 * long it waits and for any requester.
 */
export function neverApproved(policy: PolicySet): readonly PolicyWarning[] {
  return seatWarnings(policy).filter(({ is_final: isFinal }) => isFinal === true);
}

/** A stage of a requirement on one target, and who may fill it. */
interface Seated {
  readonly index: number;
  readonly stage: Stage;
  readonly people: StageReviewers;
}

/** Where people are missing: at one stage, or, with null, at all stages together. */
interface Finding extends Pick<PolicyWarning, 'code' | 'message' | 'is_final'> {
  readonly stage: number | null;
}

function warningsOfRule(context: Context, scoped: ScopedRequirement): readonly PolicyWarning[] {
  const { require, at } = scoped;
  const found = new Map<string, { readonly finding: Finding; readonly names: Set<string> }>();
  for (const [names, owners] of casesOf(context.policy, scoped)) {
    for (const finding of findingsOf(context, require, owners)) {
      const key = `${finding.code} ${finding.stage} ${finding.is_final ?? false}`;
      const known = remembered(found, key, () => ({ finding, names: new Set<string>() }));
      for (const name of names) known.names.add(name);
    }
  }
  return [...found.values()].map(({ finding: { stage, message, ...finding }, names }) => {
    const path = stage === null ? at.path : [...at.path, stage, 'any'];
    return { ...at, ...finding, path, message: `${message}${whereText([...names])}` };
  });
}

/** Each list of owners once, with the names of what has it. If no stage names owners, they make no difference. */
function casesOf(
  policy: PolicySet,
  { require: { stages }, actions, targets }: ScopedRequirement,
): readonly (readonly [names: readonly string[], owners: readonly string[]])[] {
  const asksOwners = stages.some(({ any, escalate }) =>
    [...any, ...escalate.map(({ to }) => to)].includes('owners'),
  );
  if (!asksOwners) return [[[], []]];
  const cases = new Map<string, { readonly names: string[]; readonly owners: readonly string[] }>();
  const possible = actions.flatMap((action) =>
    possibleOwners(
      policy,
      action,
      targets.filter((target) => isTargetOf(target, action)),
    ),
  );
  for (const { name, owners } of possible) {
    const key = JSON.stringify(owners);
    remembered(cases, key, () => ({ names: [], owners })).names.push(name);
  }
  return [...cases.values()].map(({ names, owners }) => [names, owners]);
}

function whereText([first, ...others]: readonly string[]): string {
  if (first === undefined) return '';
  return ` (on ${quote(first)}${others.length > 0 ? ` and ${others.length} more` : ''})`;
}

function findingsOf(
  context: Context,
  require: RuleRequirement,
  owners: readonly string[],
): readonly Finding[] {
  const seated = require.stages.map((stage, index) => ({
    index,
    stage,
    people: context.reviewers.of(stage, require, owners),
  }));
  const known = seated.filter((entry): entry is Seated => entry.people !== null);
  // Named only if it is the cause.
  const { reviewer_when: condition, ...unconditional } = require;
  const conditionFor = ({ stage }: Seated): string => {
    if (condition === undefined) return '';
    const all = context.reviewers.of(stage, unconditional, owners)?.atOnce ?? 0;
    return all < stage.quorum ? '' : ` with reviewer.when ${quote(condition)}`;
  };
  const short = known
    .filter(({ stage, people }) => people.atOnce < stage.quorum)
    .map((entry) => shortStage(entry, conditionFor(entry)));
  if (short.length > 0) return short;
  const together = deficientSeats(known, new Set());
  if (together) return [shortRule(together)];
  return ownTeam(context, known);
}

function shortStage({ index, stage, people: { atOnce, ever } }: Seated, condition: string): Finding {
  const wanted = `needs ${countOf(stage.quorum)}, but ${stage.any.join(', ')}${condition} has ${countOf(atOnce)} now`;
  const isFinal = ever.size < stage.quorum;
  const later = isFinal ? '' : ': nothing can be decided before it escalates';
  return {
    code: 'seats_unfilled',
    stage: index,
    message: `${wanted}${later}`,
    ...(isFinal ? { is_final: true } : {}),
  };
}

function shortRule({ seats, people }: Deficit): Finding {
  const message = `${seats} seats of these stages are for the same ${countOf(people)}, and nobody fills two`;
  return { code: 'seats_unfilled', stage: null, message, is_final: true };
}

/** One finding an agent would repeat itself: the first agent of the file stands for all. */
function ownTeam({ agents }: Context, seated: readonly Seated[]): readonly Finding[] {
  for (const { id, owner } of agents) {
    if (!seated.some(({ people }) => people.ever.has(owner))) continue;
    const deficit = deficientSeats(seated, new Set([owner]));
    if (!deficit) continue;
    const { stages, seats, people } = deficit;
    const [only = null, ...more] = stages;
    const message = `when agent ${quote(id)} makes the request, its owner ${quote(owner)} may not decide, and for ${seats === 1 ? '1 seat' : `${seats} seats`} ${people === 0 ? 'nobody' : `only ${countOf(people)}`} is left`;
    return [{ code: 'own_team_only', stage: more.length === 0 ? only : null, message }];
  }
  return [];
}

/** Stages whose seats are more than the people who may fill them. */
interface Deficit {
  readonly stages: readonly number[];
  readonly seats: number;
  readonly people: number;
}

/** With more stages only each one, and all of them together, are checked: each further stage would double the work. */
const STAGES_COMBINED_MAX = 6;

/** The fewest stages for whose seats there are too few people. By Hall's theorem, without any everybody finds a seat. */
function deficientSeats(seated: readonly Seated[], absent: ReadonlySet<string>): Deficit | null {
  const sets = combinations(seated).sort((left, right) => left.length - right.length);
  for (const set of sets) {
    const all = new Set(set.flatMap((one) => [...one.people.ever]));
    const people = [...all].filter((person) => !absent.has(person)).length;
    const seats = set.reduce((sum, { stage }) => sum + stage.quorum, 0);
    if (people < seats) return { stages: set.map(({ index }) => index), seats, people };
  }
  return null;
}

function combinations(seated: readonly Seated[]): (readonly Seated[])[] {
  if (seated.length > STAGES_COMBINED_MAX) return [...seated.map((one) => [one]), seated];
  return Array.from({ length: 2 ** seated.length - 1 }, (_, index) =>
    seated.filter((_one, position) => ((index + 1) >> position) % 2 === 1),
  );
}

function countOf(people: number): string {
  if (people === 0) return 'nobody';
  return people === 1 ? '1 person' : `${people} people`;
}
