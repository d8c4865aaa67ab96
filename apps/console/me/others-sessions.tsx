import { Button, Group, Text, TextInput, Title } from '@mantine/core';
import { useState, type SyntheticEvent } from 'react';

import { Failure } from '../shell/failure.tsx';
import { SessionTable } from './session-table.tsx';
import { useEndAll, useEndSession, useSessionsOf } from './sessions.tsx';

/** For operators: who has lost a laptop, or was deceived, is signed out by them. */
export function OthersSessions() {
  const [typed, setTyped] = useState('');
  const [person, setPerson] = useState<string | null>(null);
  const show = (event: SyntheticEvent): void => {
    event.preventDefault();
    setPerson(typed.trim() === '' ? null : typed.trim());
  };
  return (
    <section aria-labelledby="others">
      <Title order={2} size="h4" id="others" mb="xs">
        Sessions of somebody else
      </Title>
      <form onSubmit={show}>
        <Group gap="xs" align="flex-end">
          <TextInput
            label="Id of the person in the directory"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={256}
            required
            withAsterisk={false}
            value={typed}
            onChange={({ currentTarget: { value } }) => setTyped(value)}
          />
          <Button type="submit" variant="default">
            Show sessions
          </Button>
        </Group>
      </form>
      {person !== null && <SessionsOf key={person} person={person} />}
    </section>
  );
}

function SessionsOf({ person }: { readonly person: string }) {
  const sessions = useSessionsOf(person);
  const end = useEndSession();
  const endAll = useEndAll(person, () => undefined);
  const items = sessions.data?.items ?? [];
  const error = sessions.error ?? end.error ?? endAll.error;
  return (
    <>
      {error && <Failure error={error} retry={() => void sessions.refetch()} />}
      {sessions.data && items.length === 0 && (
        <Text role="status" mt="sm">
          {person} is signed in nowhere. If that surprises you, check the id.
        </Text>
      )}
      <SessionTable
        sessions={items}
        end={(id) => end.mutate(id)}
        ending={end.isPending ? end.variables : null}
      />
      {items.length > 0 && (
        <Button
          mt="sm"
          size="xs"
          color="red"
          variant="light"
          loading={endAll.isPending}
          onClick={() => endAll.mutate()}
        >
          Sign {person} out everywhere
        </Button>
      )}
    </>
  );
}
