import { KeyturnError } from '../../../domain/errors.ts';
import { isNamed } from '../../../domain/approval/seats.ts';
import { isOperator } from '../../../domain/execution/kill-switch.ts';
import type { RecordedPerson } from '../entries.ts';
import { isReviewer, reviewerOf, type Caller } from './caller.ts';

/** The operator who calls. Refuses machines as decisions do (`machine_cannot_decide`), and everybody else (`forbidden`). */
export function operatorOf(caller: Caller, { id: person } = reviewerOf(caller)): RecordedPerson {
  const { policy, digest } = caller.policy;
  if (!isOperator(policy.operators, caller.directory, person)) {
    throw new KeyturnError('forbidden', 'Only operators, whom the policy names, may do this.');
  }
  const { identity, channel } = caller.principal;
  return { person, identity, channel, policyDigest: digest };
}

/** True for people whom the policy lets read everything that is not their own: operators and auditors. */
export function isAuditReader({ policy: { policy }, directory }: Caller, person: string): boolean {
  return isOperator(policy.operators, directory, person) || isNamed(policy.auditors, directory, person);
}

/** Refuses everybody but operators and auditors, machines as decisions do. */
export function refuseAllButAuditReaders(caller: Caller): void {
  const reader = isReviewer(caller) ? caller.person : reviewerOf(caller);
  if (reader === null || !isAuditReader(caller, reader.id))
    throw new KeyturnError('forbidden', 'Only operators and auditors, whom the policy names, may read this.');
}
