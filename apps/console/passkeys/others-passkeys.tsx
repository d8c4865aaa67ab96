import { Button, Group, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type SyntheticEvent } from 'react';

import type { OpenedLink, PasskeyLinkList, PasskeyLinkView } from '../../../contract/passkeys.ts';
import { get } from '../api/calls.ts';
import { usePost, useSession } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Copyable } from '../shown/copyable.tsx';
import { Ago, Instant } from '../shown/instant.tsx';
import { PasskeyTable } from './passkey-table.tsx';
import classes from './passkeys.module.css';
import { PASSKEYS, usePasskeysOf } from './queries.ts';
import { Refusal } from './refusal.tsx';

const LINKS = ['passkey-links'];

/** For operators: who cannot add a passkey, or lost all of them, gets a link from them. */
export function OthersPasskeys() {
  const [typed, setTyped] = useState('');
  const [person, setPerson] = useState<string | null>(null);
  const links = useQuery({
    queryKey: LINKS,
    queryFn: ({ signal }) => get<PasskeyLinkList>('/v1/passkey-links', {}, signal),
  });
  const opening = useOpening();
  const show = (event: SyntheticEvent): void => {
    event.preventDefault();
    setPerson(typed.trim() === '' ? null : typed.trim());
  };
  return (
    <section aria-labelledby="others-passkeys">
      <Title order={2} size="h4" id="others-passkeys" mb="xs">
        Passkeys of somebody else
      </Title>
      <Stack gap="sm">
        <form onSubmit={show}>
          <Group gap="xs" align="flex-end">
            <TextInput
              label="Whose passkeys (id in the directory)"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              maxLength={256}
              required
              withAsterisk={false}
              value={typed}
              onChange={({ currentTarget: { value } }) => setTyped(value)}
            />
            <Button type="submit" variant="default">
              Show passkeys
            </Button>
          </Group>
        </form>
        {person !== null && <PasskeysOf key={person} person={person} opening={opening} />}
        {opening.error && <Refusal error={opening.error} />}
        {opening.data && <Opened link={opening.data} />}
        {links.error && <Failure error={links.error} retry={() => void links.refetch()} />}
        <Links links={links.data?.items ?? []} opening={opening} />
      </Stack>
    </section>
  );
}

/** A link to make, or a recovery to agree to. */
type Wish = Pick<OpenedLink, 'person' | 'kind'> | { readonly agreed: string };

function useOpening() {
  const send = usePost();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (wish: Wish) =>
      'agreed' in wish
        ? (await send<OpenedLink>(`/v1/passkey-links/${encodeURIComponent(wish.agreed)}/agree`)).answer
        : (await send<OpenedLink>('/v1/passkey-links', { body: wish })).answer,
    // The secret is in this answer alone, which is kept no longer than it is shown.
    gcTime: 0,
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: LINKS });
      await client.invalidateQueries({ queryKey: PASSKEYS });
    },
  });
}

type Opening = ReturnType<typeof useOpening>;

function PasskeysOf({ person, opening }: { readonly person: string; readonly opening: Opening }) {
  const passkeys = usePasskeysOf(person);
  const items = passkeys.data?.items ?? [];
  const kind = items.length === 0 ? 'enrolment' : 'recovery';
  return (
    <>
      {passkeys.error && <Failure error={passkeys.error} retry={() => void passkeys.refetch()} />}
      {passkeys.data && (
        <>
          <Text role="status">
            {items.length === 0
              ? `${person} never had a passkey. Make a link only where the identity provider does not let them add one themselves.`
              : `Who lost all of these gets a recovery: a second operator agrees to it, they are revoked, and ${person} adds a new one by a link.`}
          </Text>
          <PasskeyTable passkeys={items} />
          <Group>
            <Button
              size="xs"
              variant="default"
              loading={opening.isPending}
              onClick={() => opening.mutate({ person, kind })}
            >
              {kind === 'enrolment' ? 'Make a link' : 'Begin a recovery'}
            </Button>
          </Group>
        </>
      )}
    </>
  );
}

function Opened({ link: { person, address, expires_at: end } }: { readonly link: OpenedLink }) {
  if (address === null)
    return <Text role="status">The recovery of {person} waits for a second operator, who agrees here.</Text>;
  return (
    <Stack gap="xs" role="status">
      <Text>
        Give this to {person}. It is shown once, works in their own session alone, once, and until{' '}
        <Instant at={end} />.
      </Text>
      <Copyable text={address} what="link" />
    </Stack>
  );
}

function Links({
  links,
  opening,
}: {
  readonly links: readonly PasskeyLinkView[];
  readonly opening: Opening;
}) {
  const { person: own } = useSession();
  if (links.length === 0) return null;
  return (
    <ul className={classes.passkeys} aria-label="Open links">
      {links.map((link) => {
        const isWaiting = link.kind === 'recovery' && link.agreed_by === null;
        return (
          <li key={link.id} className={classes.passkey}>
            <div className={classes.when}>
              <div>
                {link.kind === 'recovery' ? 'Recovery' : 'First passkey'} of {link.person}
              </div>
              <div className="keyturn-quiet">
                by {link.made_by}
                {link.agreed_by !== null && ` and ${link.agreed_by}`} · ends <Ago at={link.expires_at} />
                {isWaiting && link.made_by === own && ' · waits for a second operator'}
              </div>
            </div>
            {isWaiting && link.made_by !== own && link.person !== own && (
              <Button
                size="xs"
                color="red"
                variant="light"
                loading={opening.isPending}
                onClick={() => opening.mutate({ agreed: link.id })}
              >
                Revoke theirs and open a link
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
