import { isLineageActive, type Directory } from '../identity/directory.ts';
import type { Lineage } from '../identity/identity.ts';
import { isResolveAction, isReviewAction } from '../policy/policy.ts';

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
  return isLineageActive(now, askersOf({ action, lineage }), at_creation);
}

/**
 * Those of a lineage whose request it is. Whoever was behind an action of which others tell what became is in the lineage
 * only to be kept from agreeing: nobody of them ends that request either.
 */
export function askersOf({
  action,
  lineage,
}: {
  readonly action: string;
  readonly lineage: Lineage;
}): Lineage {
  return isResolveAction(action) ? lineage.filter(({ role }) => role !== 'editor') : lineage;
}
