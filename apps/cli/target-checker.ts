import { checkTarget, type TargetReport } from '../../activities/connectors/postgres/target-check.ts';
import { isTargetOf, type PolicySet } from '../../domain/policy/policy.ts';
import { didYouMean, quote } from '../../domain/conditions/did-you-mean.ts';
import { failure } from './exit.ts';

const CONNECTOR = 'postgres.execute';

/** Checks a target of a policy as the worker would use it, with the references of this process. */
export async function checkTargetOf(policy: PolicySet, id: string): Promise<TargetReport> {
  const { targets, actions } = policy;
  const target = targets.find((candidate) => candidate.id === id);
  if (target === undefined) {
    const ids = targets.map((candidate) => candidate.id);
    throw failure('unknown_target', `The policy has no target ${quote(id)}${didYouMean(id, ids) || '.'}`);
  }
  const isReached = actions.some((action) => action.connector === CONNECTOR && isTargetOf(target, action));
  if (!isReached)
    throw failure(
      'not_checkable',
      `Keyturn does not connect to ${quote(id)}: no action on it has a connector.`,
    );
  return checkTarget(target);
}
