import { Loader, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import type { SystemHealth } from '../../../contract/system-health.ts';
import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Attention } from './attention.tsx';
import { Freezes } from './freezes.tsx';
import { Parts } from './parts.tsx';

const REFRESH_MS = 10_000;

/** How the parts of Keyturn are, what needs somebody, and when nothing starts. */
export function OperationsPage() {
  const health = useQuery({
    queryKey: ['health'],
    queryFn: ({ signal }) => get<SystemHealth>('/v1/health', {}, signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Page title="Operations">
      {health.isPending && <Loader size="sm" aria-label="Loading" />}
      {health.error && <Failure error={health.error} retry={() => void health.refetch()} />}
      {health.data && (
        <Stack gap="xl">
          <Parts health={health.data} />
          <Attention health={health.data} />
          <Freezes freezes={health.data.freezes} />
        </Stack>
      )}
    </Page>
  );
}
