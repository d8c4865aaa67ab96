import { isLineageActive, type Directory } from './directory.ts';
import type { Lineage } from './identity.ts';
import { isResolveAction, isReviewAction } from './policy.ts';

/**
 * True while everybody behind a request may still have it, by the directory of now and that of when it was made. The
 * review of an emergency does not depend on that: who left or was stopped after it is no less to be reviewed. Nor does
 * telling what became of an action depend on who was behind that action: only on who tells.
 */
export function mayStillAsk(
  directories: { readonly now: Directory; readonly at_creation: Directory },
  { action, lineage }: { readonly action: string; readonly lineage: Lineage },
): boolean {
  if (isReviewAction(action)) return true;
  const { now, at_creation } = directories;
  const asking = isResolveAction(action) ? lineage.filter(({ role }) => role !== 'editor') : lineage;
  return isLineageActive(now, asking, at_creation);
}
