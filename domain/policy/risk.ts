import { oncePer, remembered } from '../once-per.ts';
import { strictestLimit } from '../request/disclosure.ts';
import type { ChannelLimit, EvidenceGrade, RiskTier, RuleRequirement } from '../request/requirement.ts';

/** One reason that adds weight when its condition (CEL) over server-made facts is true. */
export interface RiskLine {
  /** The only actions and environments that it is about. Absent: whatever action has the facts that it reads. */
  readonly on?: { readonly action: readonly string[]; readonly env: readonly string[] | null };
  readonly weight: number;
  readonly because: string;
  readonly when: string;
}

/** What a tier demands of every request in it, beyond what the rules demand. */
export interface TierTerms {
  readonly distinct_people: number;
  readonly minimum_grade: EvidenceGrade;
  readonly maximum_age_ms: number | null;
  /** What channels may show. Absent: all. */
  readonly channels?: Exclude<ChannelLimit, 'all'>;
}

/** How risk is computed and what follows from it. The lines are the specification. */
export interface RiskPolicy {
  readonly lines: readonly RiskLine[];
  /** The weight from which on a tier holds. */
  readonly tiers: Readonly<Record<Exclude<RiskTier, 'low'>, number>>;
  readonly demands: Readonly<Partial<Record<RiskTier, TierTerms>>>;
}

/** A tier with the reasons that led to it, for people. */
export interface RiskAssessment {
  readonly tier: RiskTier;
  readonly score: number;
  readonly reasons: readonly string[];
}

/** The tiers, from the least to the most that could go wrong. */
export const RISK_TIERS: readonly RiskTier[] = ['low', 'medium', 'high', 'critical'];

/** What holds where `keyturn.yaml` says nothing of risk. */
export const DEFAULT_RISK: RiskPolicy = {
  lines: [
    { weight: 1, because: 'production', when: 'resource.production' },
    { weight: 1, because: 'changes more than 100 rows', when: 'plan.rows > 100' },
    { weight: 1, because: 'changes more than 10,000 rows', when: 'plan.rows > 10000' },
    { weight: 1, because: 'changes more than one table', when: 'plan.resources > 1' },
    { weight: 1, because: 'deletes or overwrites data', when: 'plan.destructive' },
    { weight: 1, because: 'cannot be undone from the plan', when: '!plan.reversible' },
    { weight: 2, because: 'could not be previewed in full', when: '!plan.previewed' },
  ],
  tiers: { medium: 2, high: 3, critical: 5 },
  demands: { critical: { distinct_people: 2, minimum_grade: 'C', maximum_age_ms: null } },
};

/** False for a line that is about other actions or environments: there it neither adds weight nor takes any away. */
export function isLineAbout({ on }: RiskLine, action: string, environment: string): boolean {
  if (on === undefined) return true;
  return on.action.includes(action) && (on.env === null || on.env.includes(environment));
}

/** The tier of the lines that hold. More lines never lower it. */
export function assessRisk(policy: RiskPolicy, holding: readonly RiskLine[]): RiskAssessment {
  let score = 0;
  for (const line of holding) score += line.weight;
  let reached: RiskTier = 'low';
  for (const tier of RISK_TIERS) if (tier === 'low' || score >= policy.tiers[tier]) reached = tier;
  return { tier: reached, score, reasons: holding.map((line) => line.because) };
}

/** A policy never changes, and every review asks what its tier demands. */
const termsByTier = oncePer<RiskPolicy, Map<RiskTier, TierTerms>>(() => new Map());

/** What the tier, and every tier below it, demands: the strictest of each. */
export function tierTerms(policy: RiskPolicy, tier: RiskTier): TierTerms {
  return remembered(termsByTier(policy), tier, () => strictestUpTo(policy, tier));
}

function strictestUpTo(policy: RiskPolicy, tier: RiskTier): TierTerms {
  const demands = RISK_TIERS.slice(0, RISK_TIERS.indexOf(tier) + 1).flatMap(
    (below) => policy.demands[below] ?? [],
  );
  return demands.reduce(strictest, { distinct_people: 1, minimum_grade: 'C', maximum_age_ms: null });
}

function strictest(left: TierTerms, right: TierTerms): TierTerms {
  const ages = [left.maximum_age_ms, right.maximum_age_ms].filter((age) => age !== null);
  return {
    distinct_people: Math.max(left.distinct_people, right.distinct_people),
    minimum_grade: left.minimum_grade < right.minimum_grade ? left.minimum_grade : right.minimum_grade,
    maximum_age_ms: ages.length === 0 ? null : Math.min(...ages),
    ...strictestLimit(left.channels, right.channels),
  };
}

/** Requirements are told apart by their content, which is found once for each: so they are made once as well. */
const raisingTo = oncePer(({ minimum_grade, maximum_age_ms }: TierTerms) =>
  oncePer((rule: RuleRequirement): RuleRequirement => ({
    ...rule,
    minimum_grade: minimum_grade < rule.minimum_grade ? minimum_grade : rule.minimum_grade,
    maximum_age_ms: Math.min(rule.maximum_age_ms, maximum_age_ms ?? rule.maximum_age_ms),
  })),
);

/** A rule's requirement, not weaker than the tier demands; the same object when it is strong enough as it is. */
export function raisedTo(rule: RuleRequirement, requirement: TierTerms): RuleRequirement {
  const isStronger = requirement.minimum_grade < rule.minimum_grade;
  if (!isStronger && rule.maximum_age_ms <= (requirement.maximum_age_ms ?? Infinity)) return rule;
  return raisingTo(requirement)(rule);
}
