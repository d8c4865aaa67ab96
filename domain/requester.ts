import { isLineageActive, type Directory } from './directory.ts';
import type { Lineage } from './identity.ts';
import { isReviewAction } from './policy.ts';

/**
 * True while everybody behind a request may still have it. The review of an emergency does not depend on that: who left
 * or was stopped after it is no less to be reviewed.
 */
export function mayStillAsk(
  directory: Directory,
  { action, lineage }: { readonly action: string; readonly lineage: Lineage },
): boolean {
  return isReviewAction(action) || isLineageActive(directory, lineage);
}
