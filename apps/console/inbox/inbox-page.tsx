import { Loader } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';

import type { RequestPage } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { RequestTable } from '../requests/request-table.tsx';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';

/** What waits for the person who is signed in. */
export function InboxPage() {
  const inbox = useInfiniteQuery({
    queryKey: ['list', 'inbox'],
    queryFn: ({ pageParam, signal }) => get<RequestPage>('/v1/inbox', { cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next,
  });
  return (
    <Page title="Inbox">
      {inbox.isPending && <Loader size="sm" />}
      {inbox.error && <Failure error={inbox.error} retry={() => void inbox.refetch()} />}
      {inbox.data && (
        <RequestTable
          requests={inbox.data.pages.flatMap(({ items }) => items)}
          empty="Nothing waits for you."
          more={inbox.hasNextPage ? () => void inbox.fetchNextPage() : undefined}
        />
      )}
    </Page>
  );
}
