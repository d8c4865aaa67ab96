import { budgetUse, rehearsalWait } from '../../../database/rehearsals.ts';
import { budgetRoot, budgetsFor, isRehearsed } from '../../../domain/execution/budgets.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { ApiContext } from '../context.ts';
import type { Checked, Submission } from './submission.ts';

/** While none of them waits for people: planning and executing take minutes at most. */
const OPEN_RETRY_SECONDS = 60;

/**
 * Refuses (`over_budget`) a requester with too many open requests, or too many dry runs at a target within the hour, before
 * anything is started, and says when there is room again at the latest. Requests that no worker has received yet are not
 * counted here: the worker counts again, and ends those beyond the budget.
 */
export async function refuseOverBudget(
  { source, settings }: Pick<ApiContext, 'source' | 'settings'>,
  { action, target, lineage, caller: { directory }, body }: Submission & Checked,
): Promise<void> {
  const isBreakGlass = body.break_glass === true;
  const budgets = budgetsFor(settings.budgets, { isBreakGlass });
  const root = budgetRoot(directory, lineage);
  const wanted = { root, target: isRehearsed(action.connector) ? target.id : null };
  const { open, seconds, rehearsalWait: waitSeconds } = await budgetUse(source.manager, wanted, budgets);
  if (open >= budgets.openRequests) {
    const message = `You, your owner and your agents together have ${budgets.openRequests} open requests, which is the limit. Wait for them, or withdraw some.`;
    throw new KeyturnError('over_budget', message, { retryAfterSeconds: seconds ?? OPEN_RETRY_SECONDS });
  }
  if (waitSeconds === 0) return;
  const isOwn = (await rehearsalWait(source.manager, { root, target: NO_TARGET }, budgets)) > 0;
  throw new KeyturnError('over_budget', isOwn ? OWN_USED_UP : TARGET_USED_UP, {
    retryAfterSeconds: waitSeconds,
  });
}

/** No target has this id: with it only the root's own use is counted. */
const NO_TARGET = '';

const OWN_USED_UP =
  'You, your owner and your agents together have used up the dry runs that are allowed within an hour.';
const TARGET_USED_UP =
  'All requesters together have used up the dry runs that are allowed at this target within an hour. Another target may have room.';
