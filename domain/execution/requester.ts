import { isLineageActive, type Directory } from '../identity/directory.ts';
import type { Lineage } from '../identity/identity.ts';
import { isResolveAction, isReviewAction } from '../policy/policy.ts';

/**
 * True while everybody behind a request may still have it, by the directory of now and that of when it was made. The
 * break-glass review does not depend on that: people who left or were stopped afterwards are reviewed all the same. Nor does
 * reporting the outcome of an action depend on who was behind that action: only on who reports it.
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
 * Those of a lineage whose request it is. People behind an action whose outcome others report are in the lineage
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
