import { Button, Group, Modal, Text } from '@mantine/core';

import { useSessionEnded } from './session.ts';
import { goToSignIn } from './sign-in.ts';

/** Says that the session is over, above the page that it was over on: what was typed is still there afterwards. */
export function SessionOver() {
  const isOver = useSessionEnded();
  return (
    <Modal
      opened={isOver}
      onClose={() => undefined}
      withCloseButton={false}
      title="Your session is over"
      // Above every other dialog: that one keeps what was typed.
      zIndex={1000}
      centered
    >
      <Text size="md">Sign in again to go on. You come back to this page, and what you typed is kept.</Text>
      <Group mt="md" justify="flex-end">
        <Button data-autofocus onClick={goToSignIn}>
          Sign in again
        </Button>
      </Group>
    </Modal>
  );
}
