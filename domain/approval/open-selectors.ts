import { requiredSelectors } from './decision.ts';
import { stagesOpenAt, type DecidableRequest } from './seats.ts';
import type { Selector } from '../request/requirement.ts';

/**
 * Who is told of a pending request now (RFC 3339 UTC), owners spelled out, sorted: the selectors of stages that are open and
 * not yet filled, escalations that are due included. In an emergency everybody on the ladder from the start, although only
 * those whose turn it is may decide. Whether somebody may decide is always checked anew.
 */
export function openSelectors(
  request: DecidableRequest,
  { now, isBreakGlass }: { readonly now: string; readonly isBreakGlass: boolean },
): string[] {
  const selectors = isBreakGlass ? requiredSelectors(request) : dueSelectors(request, now);
  return [
    ...new Set(selectors.flatMap((selector) => (selector === 'owners' ? request.owners : [selector]))),
  ].sort();
}

function dueSelectors(request: DecidableRequest, now: string): readonly Selector[] {
  const open = stagesOpenAt(request, now);
  const unfilled = open.filter(({ isFilled }) => !isFilled);
  // All seats taken and still pending: the tier asks for more people than the rules have seats.
  return (unfilled.length > 0 ? unfilled : open).flatMap(({ selectors }) => selectors);
}
