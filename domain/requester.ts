import { isLineageActive, type Directory } from './directory.ts';
import type { Lineage } from './identity.ts';
import { isReviewAction } from './policy.ts';

/**
 * True while everybody behind a request may still have it, by the directory of now and that of when it was made. The
 * review of an emergency does not depend on that: who left or was stopped after it is no less to be reviewed.
 */
export function mayStillAsk(
  directories: { readonly now: Directory; readonly at_creation: Directory },
  { action, lineage }: { readonly action: string; readonly lineage: Lineage },
): boolean {
  const { now, at_creation } = directories;
  return isReviewAction(action) || isLineageActive(now, lineage, at_creation);
}
