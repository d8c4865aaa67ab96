import { REVIEW } from '../../domain/policy/policy.ts';
import type { RequestView } from '../../contract/requests.ts';
import { KeyturnProblem, type KeyturnClient } from '../../sdk/client.ts';

/** The break-glass request that a request reviews, as far as the caller may see it; null for every other request. */
export async function reviewedBy(client: KeyturnClient, view: RequestView): Promise<RequestView | null> {
  const id = view.arguments?.['request'];
  if (view.action !== REVIEW.action || typeof id !== 'string') return null;
  try {
    return await client.show(id);
  } catch (error) {
    if (error instanceof KeyturnProblem) return null;
    throw error;
  }
}
