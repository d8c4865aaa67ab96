import type { PolicySet } from './policy/policy.ts';
import { constantConditions } from './policy-warnings/constant-conditions.ts';
import { declaredFacts } from './policy-warnings/declared-facts.ts';
import { doubtfulNames } from './policy-warnings/doubtful-names.ts';
import { failingConditions } from './policy-warnings/failing-conditions.ts';
import { gradeWarnings } from './policy-warnings/grades.ts';
import { largeBuckets } from './policy-warnings/large-buckets.ts';
import { peopleWarnings } from './policy-warnings/people.ts';
import { racingHistory } from './policy-warnings/racing-history.ts';
import { seatWarnings } from './policy-warnings/seats.ts';
import { shadowedRules } from './policy-warnings/shadowed-rules.ts';
import { skippedByAbsence } from './policy-warnings/skipped-by-absence.ts';
import type { PolicyWarning } from './policy-warnings/warning.ts';

export type { PolicyWarning } from './policy-warnings/warning.ts';

/**
 * What of a good policy is probably a mistake. Each is certain in what it says of the policy and its directory; that there
 * is none proves nothing. The work is bounded, whatever the policy.
 */
export function warningsOf(policy: PolicySet): readonly PolicyWarning[] {
  return [
    ...shadowedRules(policy),
    ...largeBuckets(policy),
    ...seatWarnings(policy),
    ...gradeWarnings(policy),
    ...peopleWarnings(policy),
    ...constantConditions(policy),
    ...failingConditions(policy),
    ...skippedByAbsence(policy),
    ...doubtfulNames(policy),
    ...declaredFacts(policy),
    ...racingHistory(policy),
  ];
}
