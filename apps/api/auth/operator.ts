import { KeyturnError } from '../../../domain/errors.ts';
import { isOperator } from '../../../domain/execution/kill-switch.ts';
import type { RecordedPerson } from '../entries.ts';
import { reviewerOf, type Caller } from './caller.ts';

/** The operator who calls. Refuses machines as decisions do (`machine_cannot_decide`), and everybody else (`forbidden`). */
export function operatorOf(caller: Caller): RecordedPerson {
  const { id: person } = reviewerOf(caller);
  const { policy, digest } = caller.policy;
  if (!isOperator(policy.operators, caller.directory, person)) {
    throw new KeyturnError('forbidden', 'Only operators, whom the policy names, may do this.');
  }
  const { identity, channel } = caller.principal;
  return { person, identity, channel, policyDigest: digest };
}
