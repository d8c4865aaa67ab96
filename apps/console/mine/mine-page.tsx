import { Button, Skeleton, Stack } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { RequestPage } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import classes from './mine-page.module.css';
import { OwnRequest } from './own-request.tsx';
import { Withdraw } from './withdraw.tsx';

/** The requests that the person is behind: how each stands, whom it waits for, and for how long that usually is. */
export function MinePage() {
  const [withdrawn, setWithdrawn] = useState<string | null>(null);
  const [done, setDone] = useState('');
  const requests = useInfiniteQuery({
    queryKey: ['list', 'mine'],
    queryFn: ({ pageParam, signal }) =>
      get<RequestPage>('/v1/requests', { mine: true, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next,
  });
  const items = requests.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page title="My requests">
      {requests.isPending && <Reading />}
      {requests.error && <Failure error={requests.error} retry={() => void requests.refetch()} />}
      <p role="status" className={classes.done}>
        {done}
      </p>
      {requests.data && items.length === 0 && !requests.hasNextPage && (
        <p className={classes.quiet}>
          Nothing here yet: neither you nor an agent of yours has made a request.
        </p>
      )}
      <ul className={classes.list}>
        {items.map((item) => (
          <OwnRequest key={item.id} item={item} onWithdraw={() => setWithdrawn(item.id)} />
        ))}
      </ul>
      {requests.hasNextPage && (
        <Button
          variant="default"
          mt="sm"
          loading={requests.isFetchingNextPage}
          onClick={() => void requests.fetchNextPage()}
        >
          Show more
        </Button>
      )}
      {withdrawn !== null && (
        <Withdraw id={withdrawn} onClose={() => setWithdrawn(null)} onDone={(text) => setDone(text)} />
      )}
    </Page>
  );
}

function Reading() {
  return (
    <Stack gap="xs" aria-busy="true" aria-label="Loading">
      {[0, 1, 2].map((line) => (
        <Skeleton key={line} height={56} />
      ))}
    </Stack>
  );
}
