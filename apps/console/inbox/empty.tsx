import { Button, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';

import { useSession } from '../session/session.ts';
import classes from './empty.module.css';
import type { InboxSearch } from './search.ts';

/** Nothing is on the list: why, and what to do. */
export function Empty({ search }: { readonly search: InboxSearch }) {
  const { scope, q } = search;
  const { demo_request_address: demo } = useSession();
  if (q !== undefined)
    return (
      <Stack className={classes.empty} gap="xs">
        <Title order={2} size="h4">
          No pending request has “{q}” in it
        </Title>
        <Text className="keyturn-quiet">
          Searched are action, target, environment, id, and who is behind it. What is decided is under{' '}
          <Link to="/requests">Requests</Link>.
        </Text>
        <Button
          variant="default"
          size="xs"
          renderRoot={(props) => <Link to="/inbox" search={scope ? { scope } : {}} {...props} />}
        >
          Clear the search
        </Button>
      </Stack>
    );
  return (
    <Stack className={classes.empty} gap="xs">
      <Title order={2} size="h4">
        {TITLES[scope ?? 'me']}
      </Title>
      <Text className="keyturn-quiet">{WORDS[scope ?? 'me']}</Text>
      {demo !== null && <TryIt address={demo} />}
    </Stack>
  );
}

const TITLES = {
  me: 'Nothing waits for you',
  groups: 'Nothing waits for you or your groups',
  all: 'Nothing is pending that you may see',
} as const;

const WORDS = {
  me: 'When an agent or a pipeline asks for something that you may decide, it appears here by itself, with what it would do. This page can stay open.',
  groups:
    'Requests that name you, a group of yours or a rotation that you are in appear here, also those that you have decided already.',
  all: 'Operators and auditors see every pending request here, others those that they have to do with.',
} as const;

/** One click, and the demo's agent asks for something: the identity provider of the demo makes the call, and leads back. */
function TryIt({ address }: { readonly address: string }) {
  return (
    <form method="post" action={address} className={classes.tryIt}>
      <Text fw={600}>This is the demo: see a request</Text>
      <Text className="keyturn-quiet" size="sm">
        The demo’s agent asks to change one row in production. Keyturn tries it out and shows you what would
        happen, row by row. Olga and Dmitri may decide it; Ada, who owns the agent, may not.
      </Text>
      <Button type="submit" mt="sm">
        Make a demo request
      </Button>
    </form>
  );
}
