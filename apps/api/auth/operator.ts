import { KeyturnError } from '../../../domain/errors.ts';
import type { Identity } from '../../../domain/identity/identity.ts';
import { isOperator } from '../../../domain/execution/kill-switch.ts';
import { reviewerOf, type Caller } from './caller.ts';

/** A person who may throw and lift kill switches, at this moment. */
export interface Operator {
  readonly person: string;
  readonly identity: Identity;
  readonly channel: 'api' | 'cli';
  readonly policyDigest: string;
}

/** The operator who calls. Refuses machines as decisions do (`machine_cannot_decide`), and everybody else (`forbidden`). */
export function operatorOf(caller: Caller): Operator {
  const { id: person } = reviewerOf(caller);
  const { policy, digest } = caller.policy;
  if (!isOperator(policy.operators, caller.directory, person)) {
    throw new KeyturnError('forbidden', 'Only operators throw and lift kill switches.');
  }
  const { identity, channel } = caller.principal;
  return { person, identity, channel, policyDigest: digest };
}
