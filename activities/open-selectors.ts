import type { EntityManager } from 'typeorm';

import { tallyFactsOf, type DecidableRequest } from '../domain/decision.ts';
import { selectorsAt } from '../domain/escalation.ts';
import type { PolicySet } from '../domain/policy.ts';
import { tally } from '../domain/quorum.ts';
import type { Selector } from '../domain/requirement.ts';
import { decidableRequest, readDecisions } from '../database/readers.ts';
import type { RequestRow } from '../database/tables.ts';

/**
 * Who can be asked now: the selectors of stages that are open and not yet filled, escalations included, owners spelled
 * out. Only an index for inboxes; whether somebody may decide is always checked anew.
 */
export async function openSelectors(
  manager: EntityManager,
  row: RequestRow,
  policy: PolicySet,
): Promise<string[]> {
  const request = decidableRequest(row, await readDecisions(manager, row.id), policy);
  if (!request || row.status !== 'pending') return [];
  const now = row.updated_at.toISOString();
  const unfilled = selectorsOf(request, now, true);
  // All seats taken and still pending: the tier asks for more people than the rules have seats.
  const selectors = unfilled.length > 0 ? unfilled : selectorsOf(request, now, false);
  return [
    ...new Set(selectors.flatMap((selector) => (selector === 'owners' ? request.owners : [selector]))),
  ].sort();
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
