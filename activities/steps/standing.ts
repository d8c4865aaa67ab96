import { openSelectors } from '../../domain/approval/open-selectors.ts';
import { tally, type CountedDecision } from '../../domain/approval/quorum.ts';
import { standingRequest, tallyFactsOf, type DecidableRequest } from '../../domain/approval/seats.ts';
import { decidableRequest, type ActivePolicy } from '../../database/readers.ts';
import { decisionDirectories } from '../../database/decision-directories.ts';
import { directoriesOf } from '../../database/step-snapshot.ts';
import type { Dependencies } from '../dependencies.ts';
import { stepSnapshot } from '../load-request.ts';
import type { StepTransaction } from '../step.ts';

/** The request with what its decisions are worth by the directory of now, or null while nothing is asked of people. */
export async function standingNow(
  dependencies: Dependencies,
  transaction: StepTransaction,
  { policy }: Pick<ActivePolicy, 'policy'>,
): Promise<DecidableRequest | null> {
  const { manager, row } = transaction;
  const snapshot = await stepSnapshot(transaction);
  const directories = await directoriesOf(dependencies.directories, manager, snapshot);
  const request = decidableRequest(row, snapshot.decisions, policy);
  const today = { policy, directory: directories.now };
  const people = { row, today, atCreation: directories.at_creation };
  return request && standingRequest(request, await decisionDirectories(dependencies, manager, people));
}

/**
 * Moves a pending request when its decisions approve or deny it, as people are known now, and an approved one that
 * somebody denies before it is claimed. Otherwise inboxes of a pending one follow: stages may have opened, filled,
 * escalated, or lost somebody. Writes nothing when nothing changed. A step that calls it
 * for a round that was open before takes what is kept for the request first (`consumeKept`). Answers the decisions of the
 * round without their accounts, which Temporal's history must not show; null while nobody has to decide.
 */
export async function settleStanding(
  dependencies: Dependencies,
  transaction: StepTransaction,
  active: Pick<ActivePolicy, 'policy' | 'digest'>,
): Promise<readonly CountedDecision[] | null> {
  const { row } = transaction;
  const request = await standingNow(dependencies, transaction, active);
  if (!request) return null;
  const decisions = request.decisions.map(({ account: _account, ...decision }) => decision);
  if (row.status !== 'pending' && row.status !== 'approved') return decisions;
  const now = transaction.now.toISOString();
  const { standing } = tally(tallyFactsOf(request, now));
  if (standing === 'denied') await close(transaction, standing, active);
  else if (row.status === 'approved') return decisions;
  else if (standing === 'approved') await close(transaction, standing, active);
  else await followSelectors(transaction, request, now);
  return decisions;
}

async function followSelectors(
  transaction: StepTransaction,
  request: DecidableRequest,
  now: string,
): Promise<void> {
  const { row } = transaction;
  const selectors = openSelectors(request, { now, isBreakGlass: row.is_break_glass });
  if (selectors.join(' ') !== row.open_selectors.join(' '))
    await transaction.update({ open_selectors: selectors });
}

async function close(
  transaction: StepTransaction,
  standing: 'approved' | 'denied',
  { digest: policy_digest }: Pick<ActivePolicy, 'digest'>,
): Promise<void> {
  const { round } = transaction.row;
  if (standing === 'denied') {
    await transaction.move('deny', { status: 'denied', denied_by: 'person', open_selectors: [] });
    await transaction.append({ type: 'request.denied', policy_digest, facts: { by: 'person', round } });
    return;
  }
  await transaction.move('approve', { status: 'approved', open_selectors: [] });
  await transaction.append({ type: 'request.approved', policy_digest, facts: { round } });
}
