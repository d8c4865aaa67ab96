import type { Hold } from '../../domain/execution/start.ts';
import { SYSTEM_ACTOR } from '../actors.ts';
import type { StepTransaction } from '../record.ts';
import type { Executed } from './settle.ts';

/** An approved request that may not start yet stays approved, and says until when it waits and why. */
export async function hold(transaction: StepTransaction, { until, why }: Hold): Promise<Executed> {
  const { row, place } = transaction;
  const isNew = row.held_until?.toISOString() !== until;
  if (isNew) {
    await transaction.update({ held_until: new Date(until) });
    await transaction.append({
      type: 'request.held',
      at: place.at,
      actor: SYSTEM_ACTOR,
      intent_digest: row.intent_digest,
      decision_digest: row.decision_digest,
      policy_digest: null,
      facts: { until, why, round: row.round },
      evidence: null,
      parts: {},
    });
  }
  return { kind: 'held', until };
}
