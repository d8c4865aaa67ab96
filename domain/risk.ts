import type { RiskFacts } from './plan.ts';
import type { RiskTier } from './requirement.ts';

/** A tier with the reasons that led to it, for people. */
export interface RiskAssessment {
  readonly tier: RiskTier;
  readonly reasons: readonly string[];
  /** Distinct people the tier demands over the whole request. */
  readonly distinct_people: number;
}

interface RiskInput {
  readonly environment: string;
  readonly facts: RiskFacts;
}

/** One reason that adds weight. The list is the specification: each line is a rule. */
const WEIGHTS: readonly {
  readonly weight: number;
  readonly reason: string;
  readonly holds: (input: RiskInput) => boolean;
}[] = [
  { weight: 1, reason: 'production', holds: ({ environment }) => environment.startsWith('prod') },
  { weight: 1, reason: 'changes more than 100 rows', holds: ({ facts }) => facts.rows_changed > 100 },
  { weight: 1, reason: 'changes more than 10,000 rows', holds: ({ facts }) => facts.rows_changed > 10_000 },
  { weight: 1, reason: 'changes more than one table', holds: ({ facts }) => facts.resources_changed > 1 },
  { weight: 1, reason: 'deletes or overwrites data', holds: ({ facts }) => facts.is_destructive },
  { weight: 1, reason: 'cannot be undone from the plan', holds: ({ facts }) => !facts.is_reversible },
  { weight: 2, reason: 'could not be previewed in full', holds: ({ facts }) => !facts.is_fully_previewed },
];

/** The risk tier of server-made facts. More reasons never lower it. A critical request needs two distinct people. */
export function assessRisk(input: RiskInput): RiskAssessment {
  const matched = WEIGHTS.filter((line) => line.holds(input));
  const weight = matched.reduce((sum, line) => sum + line.weight, 0);
  const tier = tierOf(weight);
  return { tier, reasons: matched.map((line) => line.reason), distinct_people: tier === 'critical' ? 2 : 1 };
}

function tierOf(weight: number): RiskTier {
  if (weight <= 1) return 'low';
  if (weight === 2) return 'medium';
  return weight <= 4 ? 'high' : 'critical';
}
