import { Button, Code, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';

import { Copy } from '../shown/copyable.tsx';
import classes from './empty.module.css';
import type { InboxSearch } from './search.ts';

/** Nothing is on the list: why, and what to do. */
export function Empty({ search }: { readonly search: InboxSearch }) {
  const { scope, q } = search;
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
      {isDemo() && <TryIt />}
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

/** `npm start` runs on this machine, and is where somebody looks for the first time. */
function isDemo(): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
}

const COMMAND = `export KEYTURN_API_URL=${location.origin}
KEYTURN_TOKEN=$(node scripts/demo-token.mjs agent-billing) npm run -s keyturn -- request \\
  postgres.execute shop-production \\
  -a statement="update account set credit_limit = 5000 where id = 1042" \\
  --justification "Upgrade agreed with the customer, ticket 4711"`;

function TryIt() {
  return (
    <div className={classes.tryIt}>
      <Text fw={600}>To see one, let the demo’s agent ask for something</Text>
      <Text className="keyturn-quiet" size="sm">
        Paste this in a second terminal, in the folder where <code>npm start</code> runs. Olga and Dmitri may
        decide it; Ada, who owns the agent, may not.
      </Text>
      <Code block className={classes.command}>
        {COMMAND}
      </Code>
      <Copy text={COMMAND} what="the command" />
    </div>
  );
}
