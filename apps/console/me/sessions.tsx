import { Button, Group, Modal, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import type { Ended, SessionList } from '../../../contract/sessions.ts';
import { get } from '../api/calls.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { SessionTable } from './session-table.tsx';

const SESSIONS = ['sessions'];

/** The sessions of somebody: of the person herself where none is named. */
export function useSessionsOf(person?: string) {
  return useQuery({
    queryKey: [...SESSIONS, person ?? ''],
    queryFn: ({ signal }) => get<SessionList>('/v1/sessions', { person }, signal),
  });
}

/** Ends a session, and shows the list anew: also where it was over already. */
export function useEndSession() {
  const client = useQueryClient();
  const send = usePost();
  return useMutation({
    mutationFn: (id: string) => send<Ended>(`/v1/sessions/${encodeURIComponent(id)}/end`),
    onSettled: () => client.invalidateQueries({ queryKey: SESSIONS }),
  });
}

/** Ends all sessions of somebody. */
export function useEndAll(person: string | undefined, done: () => void) {
  const client = useQueryClient();
  const send = usePost();
  return useMutation({
    mutationFn: () => send<Ended>('/v1/sessions/end-all', { body: person === undefined ? {} : { person } }),
    onSuccess: async () => {
      if (person !== undefined) await client.invalidateQueries({ queryKey: SESSIONS });
      done();
    },
  });
}

/** Where the person is signed in. */
export function OwnSessions() {
  const sessions = useSessionsOf();
  const end = useEndSession();
  const [isConfirming, setConfirming] = useState(false);
  const error = sessions.error ?? end.error;
  return (
    <section aria-labelledby="sessions">
      <Group justify="space-between" gap="sm">
        <Title order={2} size="h4" id="sessions">
          Your sessions
        </Title>
        <Button size="xs" variant="default" onClick={() => setConfirming(true)}>
          Sign out everywhere
        </Button>
      </Group>
      {error && <Failure error={error} retry={() => void sessions.refetch()} />}
      {sessions.data && (
        <SessionTable
          sessions={sessions.data.items}
          end={(id) => end.mutate(id)}
          ending={end.isPending ? end.variables : null}
        />
      )}
      {isConfirming && <EndAll close={() => setConfirming(false)} />}
    </section>
  );
}

/** This browser is signed out as well: the first page says so. */
function EndAll({ close }: { readonly close: () => void }) {
  const endAll = useEndAll(undefined, () => location.assign('/'));
  return (
    <Modal
      opened
      onClose={close}
      title="Sign out everywhere?"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Text>
        All your sessions end at once, this one too. Tokens of programs and of the CLI are not sessions.
      </Text>
      {endAll.error && <Failure error={endAll.error} />}
      <Group justify="flex-end" gap="xs" mt="md">
        <Button variant="default" onClick={close}>
          Stay signed in
        </Button>
        <Button color="red" loading={endAll.isPending} onClick={() => endAll.mutate()}>
          Sign out everywhere
        </Button>
      </Group>
    </Modal>
  );
}
