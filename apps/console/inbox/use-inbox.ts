import { useInfiniteQuery, useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { useCallback, useMemo, useRef, useState } from 'react';

import type { Change } from '../../../contract/changes.ts';
import type { InboxPage, RequestSummary } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { useChanges } from '../live/live-changes.tsx';
import type { InboxSearch } from './search.ts';

const PAGE = 100;
/** Longer lists are not read again by themselves: that is many calls, and moves what somebody is reading. */
const REFRESHED_PAGES_MAX = 3;
const REFRESH_PAUSE_MS = 1_000;

/** What waits, as far as it was read, and how to read on. */
export interface Inbox {
  readonly items: readonly RequestSummary[];
  readonly counts: InboxPage['counts'];
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly hasMore: boolean;
  /** Something came or changed since a long list was read. */
  readonly isOld: boolean;
  readonly readMore: () => void;
  readonly refresh: () => void;
  /** Takes a request off the list that does not wait for this person any more. */
  readonly drop: (id: string) => void;
}

/** The inbox, live: what is decided leaves it at once, and what comes appears. */
export function useInbox(search: InboxSearch): Inbox {
  const client = useQueryClient();
  const queryKey = useMemo(() => ['inbox', search], [search]);
  const list = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => readPage(search, pageParam, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next,
  });
  const { data, refetch, isFetchingNextPage, fetchNextPage } = list;
  const drop = useCallback(
    (id: string) =>
      void client.setQueryData<InfiniteData<InboxPage>>(queryKey, (known) => known && without(known, id)),
    [client, queryKey],
  );
  const live = useRefreshed({ pages: data?.pages.length ?? 0, refetch, drop });
  return {
    items: useMemo(() => distinct(data?.pages ?? []), [data]),
    counts: data?.pages[0]?.counts ?? null,
    isPending: list.isPending,
    error: list.error,
    hasMore: list.hasNextPage,
    ...live,
    readMore: () => {
      if (!isFetchingNextPage) void fetchNextPage();
    },
    drop,
  };
}

function readPage(search: InboxSearch, cursor: string, signal: AbortSignal): Promise<InboxPage> {
  const query = { scope: 'me', sort: 'deadline', ...search, limit: PAGE, cursor };
  return get<InboxPage>('/v1/inbox', query, signal);
}

interface Refreshing {
  readonly pages: number;
  readonly refetch: () => Promise<unknown>;
  readonly drop: (id: string) => void;
}

/** Reads a short list again after changes, and says of a long one that it is old. */
function useRefreshed({ pages, refetch, drop }: Refreshing): Pick<Inbox, 'isOld' | 'refresh'> {
  const [isOld, setOld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const refresh = useCallback(() => {
    setOld(false);
    void refetch();
  }, [refetch]);
  useChanges(
    useCallback(
      (change: Change | null) => {
        if (change && (change.status ?? 'pending') !== 'pending') drop(change.request);
        if (pages > REFRESHED_PAGES_MAX) return setOld(true);
        clearTimeout(timer.current);
        timer.current = setTimeout(refresh, REFRESH_PAUSE_MS);
      },
      [drop, pages, refresh],
    ),
  );
  return { isOld, refresh };
}

/** A request that changed while pages were read may stand on two of them. */
function distinct(pages: readonly InboxPage[]): readonly RequestSummary[] {
  return [...new Map(pages.flatMap(({ items }) => items).map((item) => [item.id, item])).values()];
}

function without(known: InfiniteData<InboxPage>, id: string): InfiniteData<InboxPage> {
  return {
    ...known,
    pages: known.pages.map((page) => ({ ...page, items: page.items.filter((item) => item.id !== id) })),
  };
}
