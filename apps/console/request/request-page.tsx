import { Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';

import type { RequestView } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Decide } from './decide.tsx';

const route = getRouteApi('/requests/$id');

/** One request: what it is about, and what can be decided. */
export function RequestPage() {
  const { id } = route.useParams();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['request', id],
    queryFn: ({ signal }) => get<RequestView>(`/v1/requests/${encodeURIComponent(id)}`, {}, signal),
  });
  return (
    <Page title={data ? `${data.action} on ${data.target}` : 'Request'}>
      {isPending && <Loader size="sm" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <Essentials request={data} />}
    </Page>
  );
}

function Essentials({ request }: { readonly request: RequestView }) {
  const { id, status, risk, environment, plan, claims, decision_digest: digest } = request;
  return (
    <Stack gap="sm" maw="44rem">
      <Text>{[status, risk && `${risk} risk`, environment].filter(Boolean).join(' · ')}</Text>
      {plan && <Text>{plan.summary}</Text>}
      {claims?.justification !== undefined && (
        <Text className="keyturn-quiet">The agent says: {claims.justification}</Text>
      )}
      {status === 'pending' && digest !== null && <Decide id={id} digest={digest} />}
    </Stack>
  );
}
