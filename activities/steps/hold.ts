import type { Hold } from '../../domain/execution/start.ts';
import type { StepTransaction } from '../step.ts';
import type { Executed } from './settle.ts';

/** An approved request that may not start yet stays approved, and says until when it waits and why. */
export async function hold(transaction: StepTransaction, { until, why }: Hold): Promise<Executed> {
  const { row } = transaction;
  if (row.held_until?.toISOString() !== until) {
    await transaction.update({ held_until: new Date(until) });
    await transaction.append({ type: 'request.held', facts: { until, why, round: row.round } });
  }
  return { kind: 'held', until };
}
