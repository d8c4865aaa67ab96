import { Loader, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { OwnAccounts } from '../accounts/own-accounts.tsx';
import { OthersPasskeys } from '../passkeys/others-passkeys.tsx';
import { OwnPasskeys } from '../passkeys/own-passkeys.tsx';
import { meQuery } from '../session/me.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Facts } from './facts.tsx';
import { OthersSessions } from './others-sessions.tsx';
import { OwnSessions } from './sessions.tsx';

/** Who the person is to Keyturn, and where she is signed in. */
export function MePage() {
  const me = useQuery(meQuery);
  return (
    <Page title="Account">
      {me.isPending && <Loader size="sm" />}
      {me.error && <Failure error={me.error} retry={() => void me.refetch()} />}
      <Stack gap="xl" maw="48rem">
        {me.data && <Facts me={me.data} />}
        <OwnAccounts />
        <OwnPasskeys />
        <OwnSessions />
        {me.data?.is_operator && <OthersPasskeys />}
        {me.data?.is_operator && <OthersSessions />}
      </Stack>
    </Page>
  );
}
