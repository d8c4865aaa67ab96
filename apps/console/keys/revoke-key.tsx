import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';

import type { ApiKeyView } from '../../../contract/api-keys.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import { API_KEYS } from './key-form.ts';

interface RevokeKeyProps {
  readonly apiKey: ApiKeyView;
  readonly close: () => void;
}

/** Asks before a key ends, since whatever uses it stops. */
export function RevokeKey({ apiKey: { id, prefix, title, used_at: usedAt }, close }: RevokeKeyProps) {
  const send = usePost();
  const client = useQueryClient();
  const revocation = useMutation({
    mutationFn: () => send<ApiKeyView>(`/v1/api-keys/${encodeURIComponent(id)}/revoke`),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: API_KEYS });
      close();
    },
  });
  return (
    <Modal
      opened
      onClose={close}
      title="Revoke this key?"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text>
          <Foreign text={title} /> (<code>{prefix}_…</code>) ends at once, for good: what still uses it is
          refused.
        </Text>
        <Text>
          {usedAt === null ? (
            'It was never used.'
          ) : (
            <>
              It was last used <Ago at={usedAt} />.
            </>
          )}
        </Text>
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
