import { KeyturnError } from '../../../domain/errors.ts';
import type { Caller } from '../auth/caller.ts';
import type { Submission } from './submission.ts';

/**
 * Refuses (`forbidden`) what the caller's API key is not for. Before anything else, repeats included: an answer to a request
 * that another key made would let this one act as well. A key only narrows what policy says.
 */
export function refuseOutOfScope(
  { principal: { key } }: Caller,
  { action, target }: Pick<Submission['body'], 'action' | 'target'>,
): void {
  if (key?.actions && !key.actions.includes(action))
    throw new KeyturnError('forbidden', 'This API key is not for this action. Use a key that is.');
  if (key?.targets && !key.targets.includes(target))
    throw new KeyturnError('forbidden', 'This API key is not for this target. Use a key that is.');
}
