import { defaultOf } from '../../domain/policy/defaults.ts';
import { Expression } from '../../domain/conditions/expression.ts';
import { bindFacts } from '../../domain/conditions/binding.ts';
import { possibleOwners } from '../../domain/approval/owners.ts';
import {
  isTargetOf,
  PUBLISH,
  OWN_TARGET,
  ownTarget,
  type ActionDefinition,
  type PolicySet,
  type Rule,
  type Target,
} from '../../domain/policy/policy.ts';
import {
  riskFactTypes,
  ruleFactTypes,
  targetValues,
  type FactTypes,
} from '../../domain/policy/built-in-facts.ts';
import { indexOf } from '../../domain/policy/rule-index.ts';
import type { RiskTier, RuleRequirement } from '../../domain/request/requirement.ts';
import { Reviewers } from '../../domain/approval/reviewers.ts';
import { assessRisk, tierTerms, isLineAbout } from '../../domain/policy/risk.ts';
import { remembered } from '../../domain/once-per.ts';
import { quote } from '../../domain/conditions/did-you-mean.ts';
import { matchesAlways } from './constant-conditions.ts';
import { inRule, inSettings, type PolicyWarning } from './warning.ts';

/** Beyond it nothing is checked, so that no policy takes long. */
const RULES_CHECKED_MAX = 100_000;

/**
 * Where the tier of risk requires more different people than may decide, whatever rules match, and where publishing a policy
 * does once one of the operators requests it. By the directory as the file has it.
 */
export function peopleWarnings(policy: PolicySet): readonly PolicyWarning[] {
  const reviewers = new Reviewers(policy);
  return [...riskyRequests(policy, reviewers), ...publications(policy, reviewers)];
}

function riskyRequests(policy: PolicySet, reviewers: Reviewers): readonly PolicyWarning[] {
  if (tierTerms(policy.risk, 'critical').distinct_people < 2) return [];
  const found = new Map<string, Short>();
  let left = RULES_CHECKED_MAX;
  for (const action of policy.actions) {
    const types = riskFactTypes(policy, action);
    for (const target of policy.targets.filter((one) => isTargetOf(one, action))) {
      const requirements = requirementsOn(policy, action, target.id);
      left -= requirements.length + policy.risk.lines.length + 1;
      if (left < 0) return warningsOf(found);
      const tier = highestTier(policy, types, { action, target });
      const { distinct_people: wanted } = tierTerms(policy.risk, tier);
      const few = possibleOwners(policy, action, [target])
        .map(({ owners }) => everybody(reviewers, requirements, owners))
        .filter((people) => wanted > 1 && people !== null && people.size < wanted);
      const scope = `${action.action} on ${quote(target.id)}`;
      for (const people of few) note(found, { tier, wanted, who: countText(people) }, scope);
    }
  }
  return warningsOf(found);
}

interface Short {
  readonly tier: RiskTier;
  readonly wanted: number;
  readonly who: string;
  readonly scopes: string[];
}

function note(found: Map<string, Short>, short: Omit<Short, 'scopes'>, scope: string): void {
  const key = `${short.tier} ${short.who}`;
  remembered(found, key, () => ({ ...short, scopes: [] })).scopes.push(scope);
}

/** The tier if every line of risk held that what is known of the target does not rule out. */
function highestTier(
  { risk, ...policy }: PolicySet,
  types: FactTypes,
  { action, target }: { readonly action: ActionDefinition; readonly target: Target },
): RiskTier {
  const bound = bindFacts(types, targetValues({ risk, ...policy }, target));
  const possible = risk.lines.filter((line) => {
    const condition = new Expression(line.when);
    const isAbout = isLineAbout(line, action.action, target.environment);
    const hasFacts = [...condition.roots].every((root) => Object.hasOwn(types, root));
    return isAbout && hasFacts && condition.evaluate(bound).kind !== 'false';
  });
  return assessRisk(risk, possible).tier;
}

/** One finding would repeat itself on each target. */
function warningsOf(found: ReadonlyMap<string, Short>): readonly PolicyWarning[] {
  return [...found.values()].map(({ tier, wanted, who, scopes: [first = '', ...others] }) => ({
    ...inSettings('risk', 'demands', tier),
    code: 'people_short',
    message: `a request of ${tier} risk needs ${wanted} different people, and ${who} may decide (${first}${others.length > 0 ? ` and ${others.length} more` : ''})`,
  }));
}

/** Two people agree to what may loosen policy, neither of them the requester. Nobody can agree to what is forbidden. */
function publications(policy: PolicySet, reviewers: Reviewers): readonly PolicyWarning[] {
  const forbidding = forbidsPublications(policy);
  if (forbidding.length > 0) return forbidding;
  const people = policy.operators === undefined ? null : publishersOf(policy, reviewers);
  if (people === null || people.size > PEOPLE_TO_LOOSEN) return [];
  const wanted = `${PEOPLE_TO_LOOSEN} different people agree to a policy that loosens`;
  const scope = inSettings('operators');
  if (people.size < PEOPLE_TO_LOOSEN) {
    const message = `${wanted}, and ${countText(people)} may: no such policy could ever replace this one`;
    return [{ ...scope, code: 'people_short', message, is_final: true }];
  }
  const message = `${wanted}, and only ${[...people].map(quote).join(' and ')} may: when one of them requests it, nobody can approve it`;
  return [{ ...scope, code: 'own_team_only', message }];
}

/** Everybody who may ever agree to a publication; null where that is not known. */
export function publishersOf(policy: PolicySet, reviewers: Reviewers): ReadonlySet<string> | null {
  // What is always forbidden is open to break-glass at most, whose rules replace all others.
  const requirements = rulesOfPublications(policy).some((rule) => forbidsAlways(policy, rule))
    ? breakGlassRules(policy).flatMap(({ require }) => require ?? [])
    : requirementsOn(policy, PUBLISH, OWN_TARGET);
  return everybody(reviewers, requirements, policy.operators ?? []);
}

function forbidsPublications(policy: PolicySet): readonly PolicyWarning[] {
  const hasBreakGlass = breakGlassRules(policy).length > 0;
  return rulesOfPublications(policy)
    .filter((rule) => forbidsAlways(policy, rule) && !(rule.yields_to_break_glass && hasBreakGlass))
    .map((rule) => ({
      ...inRule(rule, 'effect'),
      code: 'publication_forbidden',
      message: 'forbids every publication: no policy could ever replace this one',
      is_final: true,
    }));
}

function rulesOfPublications(policy: PolicySet): readonly Rule[] {
  return indexOf(policy)
    .candidates(PUBLISH.action, ownTarget(policy))
    .map(({ rule }) => rule);
}

function breakGlassRules(policy: PolicySet): readonly Rule[] {
  return rulesOfPublications(policy).filter((rule) => rule.break_glass === true);
}

/** Whatever is published: the rule has no condition, or one that is always true, of Keyturn itself at least. */
function forbidsAlways(policy: PolicySet, rule: Rule): boolean {
  if (rule.effect !== 'forbid') return false;
  if (rule.when === undefined || matchesAlways(policy, rule)) return true;
  const known = bindFacts(ruleFactTypes(policy, PUBLISH), targetValues(policy, ownTarget(policy)));
  return new Expression(rule.when).evaluate(known).kind === 'true';
}

const PEOPLE_TO_LOOSEN = 2;

/** Where no policy that loosens could ever be published: a rule forbids it, or too few people could agree. */
export function neverPublished(policy: PolicySet): readonly PolicyWarning[] {
  return publications(policy, new Reviewers(policy)).filter(({ is_final: isFinal }) => isFinal === true);
}

/** All requirements that may apply there. */
function requirementsOn(policy: PolicySet, action: ActionDefinition, id: string): readonly RuleRequirement[] {
  const target = id === OWN_TARGET ? ownTarget(policy) : policy.targets.find((one) => one.id === id);
  const rules = target ? indexOf(policy).candidates(action.action, target) : [];
  const usual = defaultOf(policy, action);
  const isReplaced = rules.some(({ rule }) => replacesAlways(rule));
  return [
    ...(usual.effect === 'review' && !isReplaced ? [usual.require] : []),
    ...rules.flatMap(({ rule }) => rule.require ?? []),
  ];
}

/** True for a rule that matches whatever the facts are. */
function replacesAlways({
  when,
  effect,
  replaces_default: replaces,
  break_glass: isBreakGlass,
}: Rule): boolean {
  return when === undefined && effect === 'review' && replaces && isBreakGlass !== true;
}

/** Everybody who may fill a seat of any of them; null if that is not known, or if there is no stage at all. */
function everybody(
  reviewers: Reviewers,
  requirements: readonly RuleRequirement[],
  owners: readonly string[],
): ReadonlySet<string> | null {
  const stages = requirements.flatMap((require) =>
    require.stages.map((stage) => reviewers.of(stage, require, owners)),
  );
  if (stages.length === 0 || stages.includes(null)) return null;
  return new Set(stages.flatMap((stage) => [...(stage?.ever ?? [])]));
}

function countText(people: ReadonlySet<string> | null): string {
  const [only] = people ?? [];
  return only === undefined ? 'nobody' : `only ${quote(only)}`;
}
