import type { PolicySet } from '../domain/policy/policy.ts';
import { constantConditions } from './warnings/constant-conditions.ts';
import { declaredFacts } from './warnings/declared-facts.ts';
import { doubtfulNames } from './warnings/doubtful-names.ts';
import { failingConditions } from './warnings/failing-conditions.ts';
import { largeBuckets } from './warnings/large-buckets.ts';
import { peopleWarnings } from './warnings/people.ts';
import { racingHistory } from './warnings/racing-history.ts';
import { seatWarnings } from './warnings/seats.ts';
import { shadowedRules } from './warnings/shadowed-rules.ts';
import { skippedByAbsence } from './warnings/skipped-by-absence.ts';
import type { PolicyWarning } from './warnings/warning.ts';

export type { PolicyWarning } from './warnings/warning.ts';

/**
 * What of a good policy is probably a mistake. Each is certain in what it says of the policy and its directory; that there
 * is none proves nothing. The work is bounded, whatever the policy.
 */
export function warningsOf(policy: PolicySet): readonly PolicyWarning[] {
  return [
    ...shadowedRules(policy),
    ...largeBuckets(policy),
    ...seatWarnings(policy),
    ...peopleWarnings(policy),
    ...constantConditions(policy),
    ...failingConditions(policy),
    ...skippedByAbsence(policy),
    ...doubtfulNames(policy),
    ...declaredFacts(policy),
    ...racingHistory(policy),
  ];
}
