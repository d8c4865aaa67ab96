import { Button, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';

/** An address that no page has. */
export function NothingHere() {
  return (
    <Stack p="xl" gap="sm" align="flex-start">
      <Title order={1} size="h3">
        There is no page here
      </Title>
      <Text className="keyturn-quiet">
        The address may be cut short: compare it with where you have it from.
      </Text>
      <Button component={Link} to="/inbox" variant="default">
        Go to the inbox
      </Button>
    </Stack>
  );
}
