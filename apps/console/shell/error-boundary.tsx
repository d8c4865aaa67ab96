import { Alert, Button, Center, Code, Stack, Text } from '@mantine/core';
import { Component, type ReactNode } from 'react';

interface State {
  readonly error: unknown;
}

/** Catches what a page throws while it is drawn, and says what to do. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error !== null ? <Broken error={this.state.error} /> : this.props.children;
  }
}

/** A page that cannot be shown. After an upgrade its files are gone, and a reload gets the new ones. */
export function Broken({ error }: { readonly error: unknown }) {
  const message = error instanceof Error ? error.message : '';
  const isGone = /dynamically imported module|Importing a module script failed|Unable to preload/i.test(
    message,
  );
  return (
    <Center p="md" mih="40dvh">
      <Alert color="red" variant="light" role="alert" maw="34rem" title="This page cannot be shown">
        <Stack gap="sm" align="flex-start">
          <Text size="md">
            {isGone
              ? 'Part of the page could not be loaded: Keyturn was upgraded, or the connection is gone. Reload the page.'
              : 'Reload the page. If that does not help, send what is below to those who run Keyturn: nothing was decided by it.'}
          </Text>
          {!isGone && message !== '' && <Code block>{message}</Code>}
          <Button size="xs" variant="default" onClick={() => location.reload()}>
            Reload the page
          </Button>
        </Stack>
      </Alert>
    </Center>
  );
}
