import { Code, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { get } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';

interface KeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** The public keys with which anybody can verify what Keyturn signed. */
export function KeysPage() {
  const keys = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) => get<KeySet>('/v1/keys', {}, signal),
  });
  return (
    <Page title="Keys">
      {keys.isPending && <Loader size="sm" />}
      {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      <Stack gap="sm" maw="44rem">
        <Text>With these public keys everybody can verify what Keyturn signed.</Text>
        {keys.data?.keys.map((key) => (
          <Code block key={String(key['kid'])}>
            {JSON.stringify(key, null, 2)}
          </Code>
        ))}
      </Stack>
    </Page>
  );
}
