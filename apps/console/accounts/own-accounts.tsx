import { Alert, Button, Group, NativeSelect, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';

import type { AccountLinkView, AccountList } from '../../../contract/accounts.ts';
import { useSession } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import classes from './accounts.module.css';
import { useAccountsOf, useBeginLink } from './queries.ts';
import { LinkRefusal } from './refusal.tsx';
import { RemoveLink } from './remove-link.tsx';

/** The accounts that count as the person, who says so, and a way to link another. */
export function OwnAccounts() {
  const accounts = useAccountsOf();
  const [removing, setRemoving] = useState<AccountLinkView | null>(null);
  return (
    <section aria-labelledby="accounts">
      <Title order={2} size="h4" id="accounts">
        Accounts
      </Title>
      <Stack gap="xs">
        <Text className="keyturn-quiet">
          All of them count as you: you have one vote, and a request of one is a request of all.
        </Text>
        {accounts.error && <Failure error={accounts.error} retry={() => void accounts.refetch()} />}
        {accounts.data && (
          <>
            <Recent links={accounts.data.links} remove={setRemoving} />
            <AccountTable accounts={accounts.data} remove={setRemoving} />
            <LinkAnother issuers={accounts.data.issuers} />
          </>
        )}
      </Stack>
      {removing && <RemoveLink link={removing} close={() => setRemoving(null)} />}
    </section>
  );
}

interface Removing {
  readonly remove: (link: AccountLinkView) => void;
}

const RECENT_MS = 7 * 86_400_000;

/** What the person is notified with: it may have been somebody else with a session of theirs. */
function Recent({ links, remove }: Pick<AccountList, 'links'> & Removing) {
  const { id: session } = useSession();
  const since = Date.now() - RECENT_MS;
  const recent = links.filter(
    (link) => link.unlinked_at === null && link.session !== session && Date.parse(link.linked_at) > since,
  );
  return recent.map((link) => (
    <Alert
      key={link.id}
      color="yellow"
      variant="light"
      title="An account was linked to you"
      classNames={{ title: classes.notice }}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          <Foreign text={link.identity.subject} /> at {link.identity.issuer}, <Instant at={link.linked_at} />.
          If that was not you, remove it, sign out everywhere, and ask an operator to look into it.
        </Text>
        <Button size="xs" variant="default" onClick={() => remove(link)}>
          Remove it
        </Button>
      </Stack>
    </Alert>
  ));
}

function AccountTable({ accounts: { items, links }, remove }: Removing & { readonly accounts: AccountList }) {
  const removed = links.filter(({ unlinked_at: at }) => at !== null);
  return (
    <>
      <ul className={classes.accounts}>
        {items.map(({ identity, is_current: isCurrent, sources, link: id }) => {
          const link = links.find((one) => one.id === id);
          return (
            <li key={`${identity.issuer} ${identity.subject}`} className={classes.account}>
              <div className={classes.what}>
                <div>
                  <Foreign text={identity.subject} />
                  {isCurrent && <span className={classes.mark}>signed in</span>}
                </div>
                <div className="keyturn-quiet">
                  at {identity.issuer} · {sources.map(({ authority }) => sourceWords(authority)).join(', ')}
                  {link && (
                    <>
                      {' '}
                      <Instant at={link.linked_at} /> with session {link.session}
                    </>
                  )}
                </div>
              </div>
              {link && (
                <Button
                  size="xs"
                  variant="default"
                  aria-label={`Remove the link of ${identity.subject}`}
                  onClick={() => remove(link)}
                >
                  Remove
                </Button>
              )}
            </li>
          );
        })}
      </ul>
      {removed.length > 0 && <Removed links={removed} />}
    </>
  );
}

/** Links that ended: whose the accounts were, they stay. */
function Removed({ links }: Pick<AccountList, 'links'>) {
  return (
    <details>
      <summary className="keyturn-quiet">Removed ({links.length})</summary>
      <ul className={classes.accounts}>
        {links.map(({ id, identity, linked_at: linked, unlinked_at: at, unlinked_by: by }) => (
          <li key={id} className={classes.account}>
            <span className="keyturn-quiet">
              <Foreign text={identity.subject} /> at {identity.issuer}: linked <Instant at={linked} />,
              removed {at !== null && <Instant at={at} />} by {by}. It signs in no more. What it did stays
              yours.
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Who says that an account is a person's. */
function sourceWords(authority: string): string {
  if (authority === 'file') return 'by the directory file of the policy';
  return authority === 'links' ? 'linked by you' : `by ${authority}`;
}

function LinkAnother({ issuers }: Pick<AccountList, 'issuers'>) {
  const [chosen, setChosen] = useState('');
  const begin = useBeginLink();
  const issuer = chosen || issuers[0];
  if (issuer === undefined) return null;
  return (
    <Stack gap="xs">
      {begin.error && <LinkRefusal error={begin.error} />}
      <Group gap="sm" align="flex-end">
        {issuers.length > 1 && (
          <NativeSelect
            label="Where the other account signs in"
            data={[...issuers]}
            value={issuer}
            onChange={({ currentTarget: { value } }) => setChosen(value)}
          />
        )}
        <Button
          size="sm"
          variant="default"
          loading={begin.isPending || begin.isSuccess}
          onClick={() => begin.mutate(issuer)}
        >
          Link another account
        </Button>
      </Group>
    </Stack>
  );
}
