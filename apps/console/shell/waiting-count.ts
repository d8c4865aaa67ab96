import { useQuery } from '@tanstack/react-query';

import type { RequestPage } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';

const COUNTED_MAX = 100;

/** How many requests wait for the person who is signed in, as it is shown: `100+` where more are not counted. */
export function useWaitingCount(): string {
  const { data } = useQuery({
    queryKey: ['list', 'waiting'],
    queryFn: ({ signal }) => get<RequestPage>('/v1/inbox', { limit: COUNTED_MAX }, signal),
    select: ({ items, next_cursor: next }) => `${items.length}${next === null ? '' : '+'}`,
  });
  return data ?? '0';
}
