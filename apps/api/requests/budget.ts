import { openRequests, rehearsalWait } from '../../../database/rehearsals.ts';
import { budgetRoot } from '../../../domain/budgets.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { ActionDefinition, Target } from '../../../domain/policy.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';

/** Some request may end any moment; nobody knows which. */
const OPEN_RETRY_SECONDS = 60;

/**
 * Refuses (`over_budget`) whoever has too much open or has tried out too much at a target within the hour, before
 * anything is started. Calls that come at the same moment may all be let in: the worker counts again.
 */
export async function refuseOverBudget(
  { source, settings }: ApiContext,
  { directory, principal }: Caller,
  { action, target }: { readonly action: ActionDefinition; readonly target: Target },
): Promise<void> {
  const { budgets } = settings;
  const root = budgetRoot(directory, principal.identity);
  if ((await openRequests(source.manager, root, budgets.openRequests)) >= budgets.openRequests) {
    const message = `${budgets.openRequests} requests of yours are open: wait for them, or withdraw some.`;
    throw new KeyturnError('over_budget', message, { retryAfterSeconds: OPEN_RETRY_SECONDS });
  }
  if (action.connector === null) return;
  const retryAfterSeconds = await rehearsalWait(source.manager, { root, target: target.id }, budgets);
  if (retryAfterSeconds === 0) return;
  throw new KeyturnError('over_budget', 'The budget for trying things out at this target is used up.', {
    retryAfterSeconds,
  });
}
