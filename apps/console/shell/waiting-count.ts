import { useQuery } from '@tanstack/react-query';

import type { InboxPage } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { cappedText } from '../shown/words.ts';

/** How many requests wait for the person who is signed in, as it is shown: `1,000+` where the server counts no further. */
export function useWaitingCount(): string {
  const { data } = useQuery({
    queryKey: ['list', 'waiting'],
    queryFn: ({ signal }) => get<InboxPage>('/v1/inbox', { limit: 1 }, signal),
    select: ({ counts }) => cappedText(counts?.me ?? 0),
  });
  return data ?? '0';
}
