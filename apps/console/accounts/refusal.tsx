import { Button, Group, Text } from '@mantine/core';

import { isProblem } from '../api/calls.ts';
import { useSession } from '../session/session.ts';
import { goToFreshSignIn } from '../session/sign-in.ts';
import { Failure } from '../shell/failure.tsx';

/** Why nothing was done. Where the sign-in was too long ago, with the way to another one. */
export function LinkRefusal({ error }: { readonly error: Error }) {
  const { identity } = useSession();
  if (!isProblem(error, 'sign_in_again')) return <Failure error={error} />;
  return (
    <Group role="alert" justify="space-between" gap="sm">
      <Text>
        An account outlasts your session, so your identity provider has to ask you first who you are. If it
        just asked you, it does not say so: have <code>auth_time</code> added to its ID tokens.
      </Text>
      <Button variant="light" onClick={() => goToFreshSignIn(identity)}>
        Sign in again
      </Button>
    </Group>
  );
}
