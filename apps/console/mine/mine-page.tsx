import { Loader } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';

import type { RequestPage } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { RequestTable } from '../requests/request-table.tsx';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';

/** The requests that the person is behind. */
export function MinePage() {
  const requests = useInfiniteQuery({
    queryKey: ['list', 'mine'],
    queryFn: ({ pageParam, signal }) =>
      get<RequestPage>('/v1/requests', { mine: true, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next,
  });
  return (
    <Page title="My requests">
      {requests.isPending && <Loader size="sm" />}
      {requests.error && <Failure error={requests.error} retry={() => void requests.refetch()} />}
      {requests.data && (
        <RequestTable
          requests={requests.data.pages.flatMap(({ items }) => items)}
          empty="You are behind no request: neither you nor an agent of yours has asked for anything."
          more={requests.hasNextPage ? () => void requests.fetchNextPage() : undefined}
        />
      )}
    </Page>
  );
}
