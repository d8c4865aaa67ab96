import type { EntityManager } from 'typeorm';

import { openSelectors } from '../../domain/approval/open-selectors.ts';
import { tally, type CountedDecision } from '../../domain/approval/quorum.ts';
import { standingRequest, tallyFactsOf, type DecidableRequest } from '../../domain/approval/seats.ts';
import { decidableRequest, readDecisions, type ActivePolicy } from '../../database/readers.ts';
import type { RequestRow } from '../../database/tables.ts';
import { decisionDirectories, type Today } from '../../database/decision-directories.ts';
import type { Dependencies } from '../dependencies.ts';
import type { StepTransaction } from '../record.ts';

/** The request with what its decisions are worth by the directory of now, or null while nothing is asked of people. */
export async function standingNow(
  dependencies: Dependencies,
  manager: EntityManager,
  { row, today }: { readonly row: RequestRow; readonly today: Today },
): Promise<DecidableRequest | null> {
  const request = decidableRequest(row, await readDecisions(manager, row.id), today.policy);
  return (
    request && standingRequest(request, await decisionDirectories(dependencies, manager, { row, today }))
  );
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
  const { manager, row } = transaction;
  const { directory } = await dependencies.directories.now(manager);
  const today = { policy: active.policy, directory };
  const request = await standingNow(dependencies, manager, { row, today });
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
