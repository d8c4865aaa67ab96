import { boundViews, declaredViews, eachView, type BoundViews } from './declared-views.ts';
import { strictestLimit } from '../request/disclosure.ts';
import { bindFacts, Binding, withFacts, withUnknown, type BoundFacts } from '../conditions/binding.ts';
import type { ValueRead } from '../conditions/values-read.ts';
import {
  actionOf,
  isOwnAction,
  isReviewAction,
  type ActionDefinition,
  type PolicySet,
  type Rule,
  type RuleEffect,
  type Target,
} from './policy.ts';
import {
  factValues,
  isFrozen,
  RISK_TYPE,
  riskValues,
  type Phase,
  type PolicyFacts,
} from './built-in-facts.ts';
import { indexOf, type RuleScope } from './rule-index.ts';
import type { Requirement } from '../request/requirement.ts';
import { remembered } from '../once-per.ts';
import { uniqueRules } from './combined-requirement.ts';
import { defaultEffect, defaultRequirement, peopleFloor } from './defaults.ts';
import {
  evaluateRule,
  LOOSENING,
  readBy,
  strictestOf,
  TIGHTENING,
  type Evaluated,
  type Outcome,
} from './rule-outcome.ts';
import { assessRisk, raisedTo, tierTerms, type RiskAssessment, type RiskLine } from './risk.ts';

/** A rule that acts, with its place and what its condition read. */
export interface MatchedRule {
  readonly id: string;
  readonly source: string;
  readonly because: string | null;
  readonly effect?: RuleEffect;
  /** The condition could not be evaluated, and counts as true: doubt never loosens. */
  readonly is_error?: boolean;
  /** Values of the facts that the condition read. Never shown to the requester. */
  readonly read?: readonly ValueRead[];
}

/** What policy says of a request. */
export interface Evaluation {
  readonly effect: RuleEffect;
  readonly risk: RiskAssessment;
  /** Null for allow and forbid. */
  readonly requirement: Requirement | null;
  readonly rules: readonly MatchedRule[];
  /** Something could not be evaluated although its facts should exist, and was counted as stricter. */
  readonly is_degraded: boolean;
  /** A break-glass rule was taken. */
  readonly is_break_glass: boolean;
  /** Rules whose facts do not exist in this phase: they may still act in a later one. */
  readonly undecided: readonly string[];
}

interface Input {
  readonly policy: PolicySet;
  readonly facts: PolicyFacts;
  readonly phase: Phase;
  readonly action: ActionDefinition;
}

/** A rule with what its condition came to, and what that read. */
export interface EvaluatedRule {
  readonly rule: Rule;
  /** `undecided` and `error`: see `evaluate`. */
  readonly outcome: Outcome;
  readonly read: readonly ValueRead[];
}

/**
 * Forbid beats review beats allow; no match is the default. Requirements of all matched review rules are AND-ed with
 * each other and, unless one of them replaces it, with the default. Unknown actions are forbidden. A forbid or review
 * rule that cannot be evaluated although its facts should exist counts as matched, an allow rule does not.
 */
export function evaluate(policy: PolicySet, facts: PolicyFacts, phase: Phase): Evaluation {
  const action = actionOf(policy, facts.action);
  if (!action) return UNKNOWN_ACTION;
  const input = { policy, facts, phase, action };
  return conclude(input, find(input));
}

/** Every rule that could match an action there, matched or not, as `evaluate` judges it: for explaining why not. */
export function evaluateRules(policy: PolicySet, facts: PolicyFacts, phase: Phase): readonly EvaluatedRule[] {
  const action = actionOf(policy, facts.action);
  if (!action) return [];
  const input = { policy, facts, phase, action };
  return find(input)
    .evaluated.map((entry) => settleUndecided(input, entry))
    .map((entry) => ({ rule: entry.rule, outcome: entry.outcome, read: readBy(entry) }));
}

function find(input: Input): Findings {
  const { policy, facts, action } = input;
  const scope = indexOf(policy).scope(action, facts.target);
  const bind = (known: PolicyFacts): BoundFacts => scope.binding.bind(factValues(policy, known, scope.roots));
  const others = scope.readsRequester ? declaredViews(facts) : [];
  const known = boundViews(bind, facts, others);
  const { risk, isDegraded } = riskOf(input, scope, known);
  const readsRisk = scope.roots.includes('risk');
  const bound = readsRisk ? eachView(known, (view) => withRisk(input, view, risk)) : known;
  const evaluated = scope.rules.map((rule) => evaluateRule(rule, bound));
  return { scope, evaluated, risk, isDegraded };
}

function withRisk(input: Input, known: BoundFacts, risk: RiskAssessment): BoundFacts {
  return withFacts(known, RISK_BINDING, isPlanAwaited(input) ? {} : { risk: riskValues(risk) });
}

const RISK_BINDING = new Binding({ risk: RISK_TYPE });

/** True before the plan of an action that has one. */
function isPlanAwaited({ facts, action }: Pick<Input, 'facts' | 'action'>): boolean {
  return facts.plan === null && action.connector !== null;
}

const UNKNOWN_ACTION: Evaluation = {
  effect: 'forbid',
  risk: { tier: 'critical', score: 0, reasons: ['unknown action'] },
  requirement: null,
  rules: [],
  is_degraded: false,
  is_break_glass: false,
  undecided: [],
};

/**
 * A line that cannot be evaluated holds: doubt never lowers a tier. One that only facts could decide which come with the
 * plan does not, nor, unless it names the action, one that only facts could decide which the action lacks.
 */
function riskOf(
  input: Input,
  { riskLines, lacking }: RuleScope,
  known: BoundViews,
): { readonly risk: RiskAssessment; readonly isDegraded: boolean } {
  const views = lacking.size === 0 ? known : eachView(known, (view) => withUnknown(view, lacking));
  const isAwaited = isPlanAwaited(input);
  const holding: RiskLine[] = [];
  let isDegraded = false;
  for (const { line, condition, isLacking } of riskLines) {
    const { kind } = strictestOf(views, condition, line.weight < 0 ? LOOSENING : TIGHTENING);
    if (kind === 'false' || (kind === 'unknown' && (isLacking || isAwaited))) continue;
    if (kind !== 'true') isDegraded = true;
    holding.push(line);
  }
  return { risk: assessRisk(input.policy.risk, holding), isDegraded };
}

interface Findings {
  readonly scope: RuleScope;
  readonly evaluated: readonly Evaluated[];
  readonly risk: RiskAssessment;
  readonly isDegraded: boolean;
}

function conclude(input: Input, findings: Findings): Evaluation {
  const { evaluated, risk, isDegraded } = findings;
  const settled = evaluated.map((entry) => settleUndecided(input, entry));
  const acting = takePath(input, settled);
  const effect = effectOf(input, acting.rules);
  const requirement = effect === 'review' ? requirementOf(input, acting.rules, findings) : null;
  return {
    effect,
    risk,
    requirement,
    rules: acting.rules.map(matchedRule),
    is_degraded: isDegraded || settled.some((entry) => entry.outcome === 'error'),
    is_break_glass: acting.isBreakGlass,
    undecided: settled.filter((entry) => entry.outcome === 'undecided').map(({ rule }) => rule.id),
  };
}

/** After planning every fact should exist: one that does not is an error, and counts as such. */
function settleUndecided(input: Input, entry: Evaluated): Evaluated {
  const isTooEarly = input.phase === 'creation' && isPlanAwaited(input);
  return entry.outcome === 'undecided' && !isTooEarly ? { ...entry, outcome: 'error' } : entry;
}

function isActing({ outcome, rule }: Evaluated): boolean {
  return outcome === 'matched' || (outcome === 'error' && rule.effect !== 'allow');
}

interface Acting {
  readonly rules: readonly Evaluated[];
  readonly isBreakGlass: boolean;
}

/**
 * A request that asks for it and meets a break-glass rule takes that path: its own reviewers instead of all others, and
 * past those forbids that say so. A break-glass rule that cannot be evaluated opens nothing. While only the plan can tell
 * whether the path is open, those forbids do not act yet: else no emergency would ever be planned.
 */
function takePath({ facts }: Input, settled: readonly Evaluated[]): Acting {
  const rules = settled.filter(isActing);
  const usual = rules.filter(({ rule }) => !rule.break_glass);
  if (!facts.request.break_glass) return { rules: usual, isBreakGlass: false };
  const lasting = usual.filter(({ rule }) => !rule.yields_to_break_glass);
  const short = rules.filter(({ rule, outcome }) => rule.break_glass && outcome === 'matched');
  if (short.length > 0) {
    const forbids = lasting.filter(({ rule }) => rule.effect === 'forbid');
    return { rules: [...forbids, ...short], isBreakGlass: true };
  }
  const isOpen = settled.some(({ rule, outcome }) => rule.break_glass && outcome === 'undecided');
  return { rules: isOpen ? lasting : usual, isBreakGlass: false };
}

function effectOf({ policy, action, facts }: Input, acting: readonly Evaluated[]): RuleEffect {
  // No policy mutes the review of an emergency: neither by allowing nor by forbidding it.
  if (isReviewAction(action.action)) return 'review';
  const isOwn = isOwnAction(action.action);
  const otherwise = defaultEffect(policy, action);
  const effects = new Set(acting.map(({ rule }) => rule.effect));
  if (effects.has('forbid')) return 'forbid';
  // A review rule is AND-ed with the default, also where that forbids: only `replaces_default` opens what is closed.
  if (effects.has('review')) return isDefaultReplaced(acting) ? 'review' : otherwise;
  // A freeze beats an automatic yes: somebody must say that it is needed now.
  // And of what Keyturn does to itself there is none: a floor that no policy moves.
  return effects.has('allow') && !isOwn && !isFrozen(policy, facts) ? 'allow' : otherwise;
}

/** A rule that counts as matched only because it failed replaces nothing. */
function isDefaultReplaced(acting: readonly Evaluated[]): boolean {
  return acting.some(
    ({ rule, outcome }) =>
      rule.effect === 'review' &&
      outcome === 'matched' &&
      (rule.replaces_default || rule.break_glass === true) &&
      rule.require !== null,
  );
}

function requirementOf(input: Input, acting: readonly Evaluated[], { scope, risk }: Findings): Requirement {
  const reviews = acting.filter(({ rule }) => rule.effect === 'review');
  const isReplaced = isDefaultReplaced(acting);
  const floor = peopleFloor(input.action, input.facts);
  const key = `${risk.tier} ${floor} ${isReplaced} ${reviews.map(({ number }) => number).join(' ')}`;
  return remembered(scope.requirements, key, () => {
    const required = reviews.flatMap(({ rule }) => rule.require ?? []);
    const rules = isReplaced ? required : [...required, defaultRequirement(input.policy, input.action)];
    const tier = tierTerms(input.policy.risk, risk.tier);
    return {
      risk: risk.tier,
      distinct_people: Math.max(tier.distinct_people, floor),
      rules: uniqueRules(rules.map((rule) => raisedTo(rule, tier))),
      ...strictestLimit(tier.channels, undefined),
    };
  });
}

function matchedRule(entry: Evaluated): MatchedRule {
  const { id, source, because, effect } = entry.rule;
  return { id, source, because, effect, is_error: entry.outcome === 'error', read: readBy(entry) };
}

/** True when some rule could forbid the action there: else there is no need to ask before the plan. */
export function canForbid(policy: PolicySet, action: string, target: Target): boolean {
  return indexOf(policy)
    .candidates(action, target)
    .some(({ rule }) => rule.effect === 'forbid');
}

/** True when a request may take a break-glass path: some such rule matches, or may once the request is planned. */
export function offersBreakGlass(policy: PolicySet, facts: PolicyFacts): boolean {
  const action = actionOf(policy, facts.action);
  if (!action) return false;
  const types = { ...indexOf(policy).typesOf(action), risk: RISK_TYPE };
  const bind = (known: PolicyFacts): BoundFacts => bindFacts(types, factValues(policy, known));
  const views = boundViews(bind, facts, declaredViews(facts));
  return indexOf(policy)
    .candidates(facts.action, facts.target)
    .filter(({ rule }) => rule.break_glass)
    .some((rule) => ['matched', 'undecided'].includes(evaluateRule(rule, views).outcome));
}
