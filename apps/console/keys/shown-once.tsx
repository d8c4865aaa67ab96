import { Button, Group, Modal, Stack, Text } from '@mantine/core';

import type { CreatedKey } from '../../../contract/api-keys.ts';
import { Copyable } from '../shown/copyable.tsx';
import classes from './keys.module.css';

/** A new key, and how the one begins that it follows. */
export interface Made {
  readonly created: CreatedKey;
  readonly follows: string | null;
}

/** The whole key. Nothing closes it by accident: nobody can show it again. */
export function ShownOnce({ made, close }: { readonly made: Made; readonly close: () => void }) {
  const { created, follows } = made;
  return (
    <Modal
      opened
      onClose={close}
      title="Store this key now"
      size="lg"
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
    >
      <Stack gap="sm">
        <div className={classes.secret}>
          <Copyable text={created.key} what="API key" />
        </div>
        <Text>
          It is shown once: Keyturn keeps only its SHA-256. Whoever has it asks as {created.agent}, so put it
          where only that program reads. You made it, so you approve nothing that it asks for.
        </Text>
        {follows !== null && (
          <Text>
            Then revoke <code>{follows}_…</code>, when the list says that nothing uses it any more.
          </Text>
        )}
        <Group justify="flex-end">
          <Button data-autofocus onClick={close}>
            I have stored it
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
