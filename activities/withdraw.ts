import { ownKeysOf, personOf } from '../domain/directory.ts';
import { sha256 } from '../domain/digest.ts';
import type { SignedWithdrawal } from '../domain/envelope.ts';
import { identityKey as keyOf } from '../domain/identity.ts';
import { isReviewAction } from '../domain/policy.ts';
import { askersOf } from '../domain/requester.ts';
import { canMove } from '../domain/request.ts';
import { accountActor, rememberAccounts } from './actors.ts';
import type { Dependencies } from './dependencies.ts';
import type { StepTransaction } from './record.ts';

/** Cancels a request for somebody whose it is. Too late, not theirs, or the review of an emergency: nothing happens. */
export async function withdrawRequest(
  dependencies: Dependencies,
  transaction: StepTransaction,
  { signed, envelope }: { readonly signed: SignedWithdrawal; readonly envelope: string },
): Promise<void> {
  const { row, place, manager } = transaction;
  if (isReviewAction(row.action)) return;
  if (!canMove(row.status, 'cancelled') || !(await isOfLineage(dependencies, transaction, signed))) return;
  await rememberAccounts(manager, dependencies.identityKey, [signed.by]);
  await transaction.move({ status: 'cancelled', open_selectors: [] }, ['planning', 'pending', 'approved']);
  await transaction.append({
    type: 'request.withdrawn',
    at: place.at,
    actor: accountActor(dependencies.identityKey, signed.by, 'person'),
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: null,
    facts: { round: row.round, withdrawal: signed.id },
    evidence: { grade: 'C', refs: [sha256(envelope)] },
    parts: {},
  });
}

async function isOfLineage(
  dependencies: Dependencies,
  { manager, row }: StepTransaction,
  { by }: SignedWithdrawal,
): Promise<boolean> {
  const now = await dependencies.directories.now(manager);
  const atCreation = await dependencies.directories.at(manager, row.created_at);
  // As for decisions: who is own by the directory of today or by that of the request's creation is own.
  return [atCreation, now.directory].some((directory) => {
    const own = ownKeysOf(directory, askersOf(row));
    const person = personOf(directory, by);
    return own.has(keyOf(by)) || (person !== undefined && own.has(`person:${person.id}`));
  });
}
