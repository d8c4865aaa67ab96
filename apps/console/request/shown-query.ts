import { queryOptions } from '@tanstack/react-query';

import type { CardAnswer } from '../../../contract/cards.ts';
import { get } from '../api/calls.ts';

import type { RequestView, Shown } from './view.ts';

type Answer = CardAnswer;

/**
 * A request with what people decide upon. Both are read at once; where it changed in between, the card is read again, so that
 * nobody decides on one and looks at the other.
 */
export function shownQuery(id: string) {
  const path = `/v1/requests/${encodeURIComponent(id)}`;
  return queryOptions({
    queryKey: ['request', id, 'shown'],
    queryFn: async ({ signal }): Promise<Shown> => {
      const [request, first] = await Promise.all([
        get<RequestView>(path, {}, signal),
        get<Answer>(`${path}/card`, {}, signal),
      ]);
      const isSame = first.card.decision_digest === request.decision_digest;
      const answer = isSame ? first : await get<Answer>(`${path}/card`, {}, signal);
      const { card, view_digest: viewDigest, refusals, needed_grade: neededGrade } = answer;
      return { card, viewDigest, refusals, neededGrade, request };
    },
  });
}
