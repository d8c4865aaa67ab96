import { Button, Group, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import type { PasskeyView, Registration } from '../../../contract/passkeys.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { makePasskey } from './authenticator.ts';
import { PasskeyTable } from './passkey-table.tsx';
import { PASSKEYS, usePasskeysOf } from './queries.ts';
import { Refusal } from './refusal.tsx';
import { RevokePasskey } from './revoke-passkey.tsx';

/** Where the person adds passkeys and revokes them. */
export function OwnPasskeys() {
  const passkeys = usePasskeysOf();
  const [revoking, setRevoking] = useState<PasskeyView | null>(null);
  const [link, forgetLink] = useLink();
  const adding = useAdding(link, forgetLink);
  const items = passkeys.data?.items ?? [];
  return (
    <section aria-labelledby="passkeys">
      <Group justify="space-between" gap="sm">
        <Title order={2} size="h4" id="passkeys">
          Passkeys
        </Title>
        <Button size="xs" variant="default" loading={adding.isPending} onClick={() => adding.mutate()}>
          Add a passkey
        </Button>
      </Group>
      <Stack gap="xs">
        {link !== null && (
          <Text role="status">
            An operator lets you add a passkey here. The link is good once, and for you alone.
          </Text>
        )}
        {adding.error && <Refusal error={adding.error} />}
        {adding.isSuccess && <Text role="status">The passkey was added.</Text>}
        {passkeys.error && <Failure error={passkeys.error} retry={() => void passkeys.refetch()} />}
        {passkeys.data && items.length === 0 && (
          <Text className="keyturn-quiet">
            You have none. With a passkey your finger, face or PIN signs the very decision that you make: some
            requests ask for that.
          </Text>
        )}
        <PasskeyTable passkeys={items} revoke={setRevoking} />
      </Stack>
      {revoking && <RevokePasskey passkey={revoking} close={() => setRevoking(null)} />}
    </section>
  );
}

/** The secret of the link that the page was opened with; it leaves the address once it is used. */
function useLink(): readonly [string | null, () => void] {
  const [link, setLink] = useState(() => new URLSearchParams(location.search).get('passkey_link'));
  const forget = (): void => {
    setLink(null);
    history.replaceState(history.state, '', location.pathname);
  };
  return [link, forget];
}

function useAdding(link: string | null, forgetLink: () => void) {
  const send = usePost();
  const client = useQueryClient();
  const named = link === null ? {} : { link };
  return useMutation({
    mutationFn: async () => {
      const begun = await send<Registration>('/v1/passkeys/registrations', { body: named });
      const made = await makePasskey(begun.answer);
      await send<PasskeyView>('/v1/passkeys', { body: { ...named, ...made } });
    },
    onSuccess: forgetLink,
    onSettled: () => client.invalidateQueries({ queryKey: PASSKEYS }),
  });
}
