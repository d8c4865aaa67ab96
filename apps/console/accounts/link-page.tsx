import { Alert, Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';

import type { BegunAccountLink } from '../../../contract/accounts.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import classes from './accounts.module.css';
import { useBegunLink, useLinkCall } from './queries.ts';
import { LinkRefusal } from './refusal.tsx';

/** Where the browser comes back to from the second sign-in: nothing is linked before the person confirms it here. */
export function LinkPage() {
  const { id } = useParams({ from: '/link/$id' });
  const { fault } = useSearch({ from: '/link/$id' });
  const navigate = useNavigate();
  const leave = (): void => void navigate({ to: '/me' });
  return (
    <Page title="Link an account">
      <Stack gap="md" maw="40rem">
        {fault === undefined ? <Begun id={id} leave={leave} /> : <Fault fault={fault} leave={leave} />}
      </Stack>
    </Page>
  );
}

interface Leaving {
  readonly leave: () => void;
}

function Begun({ id, leave }: Leaving & { readonly id: string }) {
  const begun = useBegunLink(id);
  if (begun.isPending) return <Loader size="sm" />;
  if (begun.data) return <Confirmation begun={begun.data} leave={leave} />;
  return (
    <>
      <Failure error={begun.error} retry={() => void begun.refetch()} />
      <Back leave={leave} />
    </>
  );
}

function Fault({ fault, leave }: Leaving & { readonly fault: string }) {
  return (
    <>
      <Alert
        color="red"
        variant="light"
        role="alert"
        title="Nothing was linked"
        classNames={{ title: classes.notice }}
      >
        {FAULTS[fault] ?? FAULTS['refused']}
      </Alert>
      <Back leave={leave} />
    </>
  );
}

function Back({ leave }: Leaving) {
  return (
    <Group>
      <Button variant="default" onClick={leave}>
        Back to your accounts
      </Button>
    </Group>
  );
}

const FAULTS: Readonly<Record<string, string>> = {
  refused: 'The identity provider did not sign anybody in, or its answer was not accepted. Begin again.',
  over: 'This link was begun in another session, was answered already, or took longer than ten minutes. Begin again.',
  sign_in_again: 'You signed in to this session too long ago. Sign in again, then begin again.',
  own_account:
    'The account that signed in is yours already. Sign out at the identity provider, or choose the other account there, and begin again.',
  taken:
    'The account that signed in is somebody else’s in the directory, or was. Nobody can link it: where you have two entries there, ask an operator to merge them in the directory.',
  machine: 'What signed in is a program. Only accounts of people can be linked.',
  no_sign_in_time:
    'The identity provider does not say when you signed in (`auth_time`). Ask an operator to have it say so.',
  signed_in_too_early:
    'The identity provider did not ask you again, though it was to. Sign out there, and begin again; or ask an operator to have it heed `max_age`.',
};

function Confirmation({ begun, leave }: Leaving & { readonly begun: BegunAccountLink }) {
  const confirmation = useLinkCall('confirm', leave);
  const { account, address } = begun;
  if (account === null)
    return (
      <Stack gap="sm" align="flex-start">
        <Text>Nobody has signed in with the other account yet.</Text>
        <Button onClick={() => location.assign(address)}>Sign in with it</Button>
      </Stack>
    );
  return (
    <>
      <Pair account={account} begun={begun} />
      <Text>
        Whoever signs in with that account is you here: it sees what you see, and decides with your one vote.
        Confirm only if both accounts are yours. It stays yours for good: a link that is removed ends its
        sign-in alone.
      </Text>
      <Text className="keyturn-quiet">
        Good until <Instant at={begun.expires_at} />, in this browser alone.
      </Text>
      {confirmation.error && <LinkRefusal error={confirmation.error} />}
      <Group gap="xs">
        <Button loading={confirmation.isPending} onClick={() => confirmation.mutate(begun.id)}>
          Link the account
        </Button>
        <Button variant="default" onClick={leave}>
          Do not link it
        </Button>
      </Group>
    </>
  );
}

interface PairProps {
  readonly account: NonNullable<BegunAccountLink['account']>;
  readonly begun: BegunAccountLink;
}

function Pair({ account, begun: { name, person, own } }: PairProps) {
  return (
    <dl className={classes.pair}>
      <div>
        <dt>Account to link</dt>
        <dd>
          <Foreign text={account.subject} />
          {account.shown_as !== null && account.shown_as !== account.subject && (
            <div>
              called <Foreign text={account.shown_as} /> by its provider
            </div>
          )}
          <div className="keyturn-quiet">at {account.issuer}</div>
        </dd>
      </div>
      <div>
        <dt>To you</dt>
        <dd>
          <Foreign text={name} /> <span className="keyturn-quiet">({person})</span>
          <div>
            signed in as <Foreign text={own.subject} />
          </div>
          <div className="keyturn-quiet">at {own.issuer}</div>
        </dd>
      </div>
    </dl>
  );
}
