import { Group, Loader, NativeSelect, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';

import type { RequestPage } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { RequestTable } from './request-table.tsx';
import type { RequestsSearch } from './search.ts';

const route = getRouteApi('/requests');

/** All requests that the person may see, the newest first. */
export function RequestsPage() {
  const search = route.useSearch();
  const requests = useInfiniteQuery({
    queryKey: ['list', 'requests', search],
    queryFn: ({ pageParam, signal }) =>
      get<RequestPage>('/v1/requests', { ...search, cursor: pageParam }, signal),
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

const CHOICES = {
  status: [
    'planning',
    'pending',
    'approved',
    'executing',
    'succeeded',
    'failed',
    'indeterminate',
    'active',
    'revoked',
    'denied',
    'expired',
    'cancelled',
  ],
  risk: ['low', 'medium', 'high', 'critical'],
} as const;

const NAMED = ['action', 'target', 'environment'] as const;

function Filters({ search }: { readonly search: RequestsSearch }) {
  const navigate = route.useNavigate();
  const set = (name: keyof RequestsSearch, value: string): void => {
    void navigate({ search: (now) => ({ ...now, [name]: value }), replace: true });
  };
  return (
    <Group gap="xs" mb="sm">
      {(['status', 'risk'] as const).map((name) => (
        <NativeSelect
          key={name}
          aria-label={name}
          data={[{ value: '', label: `any ${name}` }, ...CHOICES[name]]}
          value={search[name] ?? ''}
          onChange={({ currentTarget: { value } }) => set(name, value)}
        />
      ))}
      {NAMED.map((name) => (
        <TextInput
          key={name}
          aria-label={name}
          placeholder={name}
          defaultValue={search[name] ?? ''}
          onBlur={({ currentTarget: { value } }) => set(name, value)}
          onKeyDown={({ key, currentTarget: { value } }) => key === 'Enter' && set(name, value)}
        />
      ))}
    </Group>
  );
}
