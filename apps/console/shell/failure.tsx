import { Alert, Button, Group, Text } from '@mantine/core';

import { KeyturnProblem } from '../../../sdk/problem.ts';

/** An error as people read it: what is wrong and what to do. */
export function Failure({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const problem = error instanceof KeyturnProblem ? error : null;
  return (
    <Alert color="red" variant="light" title={titleOf(error)} role="alert">
      <Text size="md">{detailOf(error)}</Text>
      {problem?.errors.map(({ path, message }) => (
        <Text key={path} size="sm">
          {path}: {message}
        </Text>
      ))}
      {problem?.requestId != null && problem.status >= 500 && (
        <Text size="sm" mt="xs">
          To find it in the log: <code>{problem.requestId}</code>
        </Text>
      )}
      {retry && !isRefused(error) && (
        <Group mt="sm">
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        </Group>
      )}
    </Alert>
  );
}

/** What is wrong and what to do, in one sentence. */
export function detailOf(error: unknown): string {
  if (error instanceof KeyturnProblem) return error.detail;
  return error instanceof Error ? error.message : 'Something went wrong. Reload the page.';
}

/** It would be refused again. */
function isRefused(error: unknown): boolean {
  return error instanceof KeyturnProblem && (error.status === 403 || error.status === 404);
}

function titleOf(error: unknown): string {
  if (isRefused(error)) return 'This is not here for you';
  if (!(error instanceof KeyturnProblem)) return 'That did not work';
  return error.status >= 500 || error.status === 429 ? 'Keyturn cannot answer now' : 'That did not work';
}
