import type { CountedDecision } from '../../domain/approval/quorum.ts';
import { markConsumed } from '../../database/kept-messages.ts';
import type { Dependencies } from '../dependencies.ts';
import { stepSnapshot } from '../load-request.ts';
import { consumeOne, instantWithoutHistory, inTurn, openMessage, type Opened } from './messages.ts';
import type { StepTransaction } from '../step.ts';

/**
 * Records what the API has acknowledged for this request and nobody has consumed, in the order of its acknowledgement (`inTurn`),
 * before anything else is decided: so swallowed signals cannot void a denial or a withdrawal. Answers the
 * decisions that count.
 */
export async function consumeKept(
  dependencies: Dependencies,
  transaction: StepTransaction,
): Promise<readonly CountedDecision[]> {
  const { manager, row } = transaction;
  const { kept } = await stepSnapshot(transaction);
  if (kept.length === 0) return [];
  const opened: Opened[] = [];
  for (const { kind, envelope } of kept) {
    const message = await openMessage(dependencies, { kind, body: envelope }, row.id);
    if (message) opened.push(message);
  }
  const counted: CountedDecision[] = [];
  for (const message of inTurn(transaction, opened)) {
    const item = { ...message, instantOf: instantWithoutHistory };
    const outcome = await consumeOne(dependencies, transaction, item);
    if (typeof outcome === 'object' && outcome !== null) counted.push(outcome);
  }
  await markConsumed(manager, kept);
  return counted;
}
