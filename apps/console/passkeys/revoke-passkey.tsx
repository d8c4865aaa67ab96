import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';

import type { PasskeyView } from '../../../contract/passkeys.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Instant } from '../shown/instant.tsx';
import { PASSKEYS, usePasskeysOf } from './queries.ts';

interface RevokePasskeyProps {
  readonly passkey: PasskeyView;
  readonly close: () => void;
}

/** Asks before a passkey ends, since it cannot come back. */
export function RevokePasskey({ passkey: { id, made_at: made }, close }: RevokePasskeyProps) {
  const send = usePost();
  const client = useQueryClient();
  const isLast = usePasskeysOf().data?.items.filter(({ revoked_at: at }) => at === null).length === 1;
  const revocation = useMutation({
    mutationFn: () => send<PasskeyView>(`/v1/passkeys/${encodeURIComponent(id)}/revoke`),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: PASSKEYS });
      close();
    },
  });
  return (
    <Modal
      opened
      onClose={close}
      title="Revoke this passkey?"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text>
          The one that was added <Instant at={made} /> ends at once, for good. What you approved with it and
          did not run yet has to be approved again.
        </Text>
        {isLast && (
          <Text>
            It is your last one. You can only add another after two operators have made a recovery: add a
            second one first, if you still can use this one.
          </Text>
        )}
        {revocation.error && <Failure error={revocation.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>
            Keep it
          </Button>
          <Button color="red" loading={revocation.isPending} onClick={() => revocation.mutate()}>
            Revoke
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
