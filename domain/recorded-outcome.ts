import { requirementDigest } from './digest.ts';
import type { Evaluation } from './evaluation.ts';

/** An evaluation as it is kept, so that it can be compared when the same facts are evaluated again. */
export function recordedOutcome({ effect, risk, requirement, rules, ...rest }: Evaluation): unknown {
  return {
    effect,
    risk: risk.tier,
    requirement_digest: requirement && requirementDigest(requirement),
    requirement,
    rules,
    ...rest,
  };
}
