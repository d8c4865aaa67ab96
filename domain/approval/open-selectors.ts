import { requiredSelectors } from './decision.ts';
import { tallyFactsOf, type DecidableRequest } from './seats.ts';
import { selectorsAt } from './escalation.ts';
import { tally } from './quorum.ts';
import type { Selector } from '../request/requirement.ts';

/** When, and whether in an emergency. `now` is RFC 3339 UTC. */
export interface OpenAt {
  readonly now: string;
  readonly isBreakGlass: boolean;
}

/**
 * Who is told of a pending request now, owners spelled out, sorted: the selectors of stages that are open and not yet
 * filled, escalations that are due included. In an emergency everybody on the ladder from the start, although only those
 * whose turn it is may decide. Whether somebody may decide is always checked anew.
 */
export function openSelectors(request: DecidableRequest, { now, isBreakGlass }: OpenAt): string[] {
  const selectors = isBreakGlass ? requiredSelectors(request) : dueSelectors(request, now);
  return [
    ...new Set(selectors.flatMap((selector) => (selector === 'owners' ? request.owners : [selector]))),
  ].sort();
}

function dueSelectors(request: DecidableRequest, now: string): readonly Selector[] {
  const unfilled = selectorsOf(request, now, true);
  // All seats taken and still pending: the tier asks for more people than the rules have seats.
  return unfilled.length > 0 ? unfilled : selectorsOf(request, now, false);
}

function selectorsOf(request: DecidableRequest, now: string, isUnfilledOnly: boolean): readonly Selector[] {
  const standing = tally(tallyFactsOf(request, now));
  return request.requirement.rules.flatMap((rule, ruleIndex) =>
    rule.stages.flatMap((stage, stageIndex) => {
      const state = standing.rules[ruleIndex]?.[stageIndex];
      if (!state || state.opened_at === null) return [];
      if (isUnfilledOnly && state.filled_by.length >= state.quorum) return [];
      return selectorsAt({ stage, rule, clocks: request.clocks }, state.opened_at, now);
    }),
  );
}
