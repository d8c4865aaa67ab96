import { Button, Loader, Stack, Table, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import type { Me } from '../../../contract/me.ts';
import type { Ended, SessionList } from '../../../contract/sessions.ts';
import { get } from '../api/calls.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';

/** Who the person is to Keyturn, and where else she is signed in. */
export function MePage() {
  const me = useQuery({ queryKey: ['me'], queryFn: ({ signal }) => get<Me>('/v1/me', {}, signal) });
  return (
    <Page title="Account">
      {me.isPending && <Loader size="sm" />}
      {me.error && <Failure error={me.error} retry={() => void me.refetch()} />}
      <Stack gap="xl">
        {me.data && <Facts me={me.data} />}
        <Sessions />
      </Stack>
    </Page>
  );
}

function Facts({ me }: { readonly me: Me }) {
  const facts: readonly (readonly [string, string])[] = [
    ['Name', me.name ?? 'not in the directory'],
    ['Accounts', me.accounts.map(({ subject, issuer }) => `${subject} at ${issuer}`).join(', ')],
    ['Groups', me.groups.join(', ') || 'none'],
    ['Deciding', me.why_not?.detail ?? 'You may decide the requests that ask for you.'],
  ];
  return (
    <Table variant="vertical" layout="fixed" maw="44rem">
      <Table.Tbody>
        {facts.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th w="8rem">{name}</Table.Th>
            <Table.Td>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

const SESSIONS = ['sessions'];

function Sessions() {
  const client = useQueryClient();
  const send = usePost();
  const sessions = useQuery({
    queryKey: SESSIONS,
    queryFn: ({ signal }) => get<SessionList>('/v1/sessions', {}, signal),
  });
  const end = useMutation({
    mutationFn: (id: string) => send<Ended>(`/v1/sessions/${encodeURIComponent(id)}/end`),
    onSuccess: () => client.invalidateQueries({ queryKey: SESSIONS }),
  });
  return (
    <Stack gap="xs" maw="44rem">
      <Title order={2} size="h4">
        Where you are signed in
      </Title>
      {(sessions.error ?? end.error) && <Failure error={sessions.error ?? end.error} />}
      <Table>
        <Table.Tbody>
          {sessions.data?.items.map(({ id, began_at: began, seen_at: seen, is_current: isCurrent }) => (
            <Table.Tr key={id}>
              <Table.Td>
                Signed in {new Date(began).toLocaleString()}, last used {new Date(seen).toLocaleString()}
              </Table.Td>
              <Table.Td>
                {isCurrent ? (
                  <Text size="sm">This browser</Text>
                ) : (
                  <Button size="xs" variant="default" loading={end.isPending} onClick={() => end.mutate(id)}>
                    End it
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}
