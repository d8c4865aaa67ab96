import { Loader } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';

import type { RequestPage } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Filters } from './filters.tsx';
import { RequestTable } from './request-table.tsx';
import { queryOf } from './search.ts';

const route = getRouteApi('/requests');

/** All requests that the person may see, the newest first. */
export function RequestsPage() {
  const search = route.useSearch();
  const requests = useInfiniteQuery({
    queryKey: ['list', 'requests', search],
    queryFn: ({ pageParam, signal }) =>
      get<RequestPage>('/v1/requests', { ...queryOf(search), cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next,
  });
  return (
    <Page title="Requests">
      <Filters search={search} />
      {requests.isPending && <Loader size="sm" />}
      {requests.error && <Failure error={requests.error} retry={() => void requests.refetch()} />}
      {requests.data && (
        <RequestTable
          requests={requests.data.pages.flatMap(({ items }) => items)}
          empty="No request that you may see is like that. Take a filter away to see more."
          more={requests.hasNextPage ? () => void requests.fetchNextPage() : undefined}
        />
      )}
    </Page>
  );
}
