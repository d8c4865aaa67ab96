import { isWithdrawalRecorded } from '../../database/audit-entries.ts';
import { directoriesOf } from '../../database/step-snapshot.ts';
import { personOf } from '../../domain/identity/directory.ts';
import { sha256 } from '../../domain/crypto/digest.ts';
import type { SignedWithdrawal } from '../../domain/crypto/envelope.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { standsBehind } from '../../domain/identity/own-request.ts';
import { isReviewAction } from '../../domain/policy/policy.ts';
import { askersOf } from '../../domain/execution/requester.ts';
import { tooLateToWithdraw } from '../../domain/request/steps.ts';
import { accountActor, accountSubjects } from '../actors.ts';
import type { Dependencies } from '../dependencies.ts';
import { stepSnapshot } from '../load-request.ts';
import type { StepTransaction } from '../step.ts';

interface Withdrawal {
  readonly signed: SignedWithdrawal;
  readonly envelope: string;
}

/** Cancels a request for somebody whose it is. Too late, not theirs, or a break-glass review: refused, on record. */
export async function withdrawRequest(
  dependencies: Dependencies,
  transaction: StepTransaction,
  { signed, envelope }: Withdrawal,
): Promise<void> {
  const { row } = transaction;
  if (await isRecorded(transaction, { signed, envelope })) return;
  const refusal = await refusalOf(dependencies, transaction, signed);
  if (refusal !== null) return recordRefused(dependencies, transaction, { signed, envelope, code: refusal });
  transaction.remember(accountSubjects(dependencies.identityKey, [signed.by]));
  await transaction.move('withdraw', { status: 'cancelled', open_selectors: [] });
  await transaction.append({
    type: 'request.withdrawn',
    actor: accountActor(dependencies.identityKey, signed.by, 'person'),
    facts: { round: row.round, withdrawal: signed.id },
    evidence: { grade: 'C', refs: [sha256(envelope)] },
    parts: { envelope },
  });
}

/** Why it does not count, by the codes that the API answers; null when it does. */
async function refusalOf(
  dependencies: Dependencies,
  transaction: StepTransaction,
  signed: SignedWithdrawal,
): Promise<ErrorCode | null> {
  const { status, action } = transaction.row;
  if (isReviewAction(action) || !(await isOfLineage(dependencies, transaction, signed))) return 'forbidden';
  return tooLateToWithdraw(status);
}

/** It leaves one trace, however often it is sent: in this step or before it, by an entry that refers to what was signed. */
async function isRecorded(
  { manager, row, appended }: StepTransaction,
  { signed: { id }, envelope }: Withdrawal,
): Promise<boolean> {
  if (appended.some(({ facts }) => facts['withdrawal'] === id)) return true;
  return isWithdrawalRecorded(manager, row.id, { id, envelopeDigest: sha256(envelope) });
}

/** What the API signed was acknowledged: it never ends without a trace. */
async function recordRefused(
  { identityKey }: Dependencies,
  transaction: StepTransaction,
  { signed, envelope, code }: Withdrawal & { readonly code: ErrorCode },
): Promise<void> {
  const { row } = transaction;
  transaction.remember(accountSubjects(identityKey, [signed.by]));
  await transaction.append({
    type: 'request.withdrawal_refused',
    actor: accountActor(identityKey, signed.by, 'person'),
    facts: { round: row.round, withdrawal: signed.id, code },
    evidence: { grade: 'C', refs: [sha256(envelope)] },
    parts: { envelope },
  });
}

async function isOfLineage(
  dependencies: Dependencies,
  transaction: StepTransaction,
  { by }: SignedWithdrawal,
): Promise<boolean> {
  const snapshot = await stepSnapshot(transaction);
  const { now, at_creation } = await directoriesOf(dependencies.directories, transaction.manager, snapshot);
  const somebody = { account: by, person: personOf(now, by) ?? null };
  return standsBehind(askersOf(transaction.row), somebody, [now, at_creation]);
}
