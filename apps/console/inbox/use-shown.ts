import { useQuery } from '@tanstack/react-query';

import type { CardAnswer } from '../../../contract/cards.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';

/** What a decision is made on: the card, and how the request stands. */
export interface Shown {
  readonly answer: CardAnswer;
  readonly request: RequestView;
}

/** Reads both of a request, and again whenever it changes. */
export function useShown(id: string): {
  readonly shown: Shown | null;
  readonly error: Error | null;
  readonly retry: () => void;
} {
  const path = `/v1/requests/${encodeURIComponent(id)}`;
  const card = useQuery({
    queryKey: ['request', id, 'card'],
    queryFn: ({ signal }) => get<CardAnswer>(`${path}/card`, {}, signal),
  });
  const request = useQuery({
    queryKey: ['request', id],
    queryFn: ({ signal }) => get<RequestView>(path, {}, signal),
  });
  return {
    shown: card.data && request.data ? { answer: card.data, request: request.data } : null,
    error: card.error ?? request.error,
    retry: () => void Promise.all([card.refetch(), request.refetch()]),
  };
}
