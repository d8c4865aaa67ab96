import { Button, Group, Modal, Stack, Text } from '@mantine/core';

import type { AccountLinkView } from '../../../contract/accounts.ts';
import { useSession } from '../session/session.ts';
import { Foreign } from '../shown/foreign.tsx';
import { useLinkCall } from './queries.ts';
import { LinkRefusal } from './refusal.tsx';

/** Asks before an account signs in no more. */
export function RemoveLink({ link, close }: { readonly link: AccountLinkView; readonly close: () => void }) {
  const { identity } = useSession();
  const removal = useLinkCall('remove', close);
  const { issuer, subject } = link.identity;
  const isOwnSession = identity.issuer === issuer && identity.subject === subject;
  return (
    <Modal
      opened
      onClose={close}
      title="Remove this link?"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text>
          <Foreign text={subject} /> at {issuer} signs in no more, and its sessions end at once.
          {isOwnSession && ' You are signed in with it now: this session ends, too.'} What it asked for and
          did not run yet is refused.
        </Text>
        <Text>What was done with it stays yours: nobody else can ever have it here.</Text>
        {removal.error && <LinkRefusal error={removal.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>
            Keep it
          </Button>
          <Button color="red" loading={removal.isPending} onClick={() => removal.mutate(link.id)}>
            Remove
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
