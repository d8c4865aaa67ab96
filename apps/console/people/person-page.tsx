import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';

import type { PersonView } from '../../../contract/people.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { PersonParts } from './person-parts.tsx';

const route = getRouteApi('/people/$id');

/** Why somebody may approve, and who says so. */
export function PersonPage() {
  const { id } = route.useParams();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['people', 'one', id],
    queryFn: ({ signal }) => get<PersonView>(`/v1/people/${encodeURIComponent(id)}`, {}, signal),
  });
  return (
    <Page title={data?.name ?? id}>
      {isPending && <Loader size="sm" aria-label="Loading" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <PersonParts person={data} />}
    </Page>
  );
}
