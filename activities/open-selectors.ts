import { askedSelectors } from '../domain/asked.ts';
import type { PolicySet } from '../domain/policy.ts';
import { decidableRequest, readDecisions } from '../database/readers.ts';
import type { StepTransaction } from './record.ts';

/**
 * Whose inbox a request is in, owners spelled out. Only an index: whether somebody may decide is always checked anew.
 */
export async function openSelectors(
  { manager, row, now }: Pick<StepTransaction, 'manager' | 'row' | 'now'>,
  policy: PolicySet,
): Promise<string[]> {
  const request = decidableRequest(row, await readDecisions(manager, row.id), policy);
  if (!request || row.status !== 'pending') return [];
  return askedSelectors(request, { now: now.toISOString(), isBreakGlass: row.is_break_glass });
}
