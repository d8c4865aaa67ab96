import { openRequests, rehearsalWait } from '../../../database/rehearsals.ts';
import { budgetRoot, budgetsFor, isRehearsed } from '../../../domain/execution/budgets.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { ApiContext } from '../context.ts';
import type { Checked, Submission } from './submission.ts';

/** While none of them waits for people: planning and executing take minutes at most. */
const OPEN_RETRY_SECONDS = 60;

/**
 * Refuses (`over_budget`) whoever has too much open or has tried out too much at a target within the hour, before
 * anything is started, and says when there is room again at the latest. What no worker has received yet is not counted
 * here: the worker counts again, and ends what is beyond.
 */
export async function refuseOverBudget(
  { source, settings }: Pick<ApiContext, 'source' | 'settings'>,
  { action, target, lineage, caller: { directory }, body }: Submission & Checked,
): Promise<void> {
  const isBreakGlass = body.break_glass === true;
  const budgets = budgetsFor(settings.budgets, { isBreakGlass });
  const root = budgetRoot(directory, lineage);
  const { open, seconds } = await openRequests(source.manager, root, budgets.openRequests);
  if (open >= budgets.openRequests) {
    const message = `${budgets.openRequests} requests of you, your owner and your agents together are open: wait for them, or withdraw some.`;
    throw new KeyturnError('over_budget', message, { retryAfterSeconds: seconds ?? OPEN_RETRY_SECONDS });
  }
  if (!isRehearsed(action.connector)) return;
  const retryAfterSeconds = await rehearsalWait(source.manager, { root, target: target.id }, budgets);
  if (retryAfterSeconds === 0) return;
  const isOwn = (await rehearsalWait(source.manager, { root, target: NO_TARGET }, budgets)) > 0;
  throw new KeyturnError('over_budget', isOwn ? OWN_USED_UP : TARGET_USED_UP, { retryAfterSeconds });
}

/** No target has this id: with it, only what the root itself used is counted. */
const NO_TARGET = '';

const OWN_USED_UP =
  'You, your owner and your agents together have used up what may be tried out at targets within an hour.';
const TARGET_USED_UP =
  'What may be tried out at this target within an hour is used up, by all who asked for something there: another target may have room.';
