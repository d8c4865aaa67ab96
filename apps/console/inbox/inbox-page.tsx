import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useRef, useState } from 'react';

import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { BatchBar } from './batch-bar.tsx';
import { Empty } from './empty.tsx';
import { Filters } from './filters.tsx';
import classes from './inbox-page.module.css';
import { KeysHelp } from './keys-help.tsx';
import { Lines } from './lines.tsx';
import { useFocus, type Done, type Focus } from './use-focus.ts';
import { useInbox, type Inbox } from './use-inbox.ts';
import { useKeys } from './use-keys.ts';
import { useSelection, type Selection } from './use-selection.ts';

const route = getRouteApi('/inbox');

/** What waits for the person who is signed in: a line each, and all that can be done with a line. */
export function InboxPage() {
  const search = route.useSearch();
  const inbox = useInbox(search);
  const focus = useFocus(inbox.items, inbox.drop);
  const selection = useSelection(inbox.items, search.scope === undefined);
  const field = useRef<HTMLInputElement>(null);
  const [isHelpOpen, setHelpOpen] = useState(false);
  useInboxKeys({ focus, selection, field: () => field.current?.focus(), help: () => setHelpOpen(true) });
  return (
    <Page title="Inbox" aside={<HelpButton onClick={() => setHelpOpen(true)} />}>
      <Filters search={search} counts={inbox.counts} field={field} />
      {inbox.error && <Failure error={inbox.error} retry={inbox.refresh} />}
      <div aria-live="polite">{focus.last && <LastDone done={focus.last} />}</div>
      {inbox.isOld && (
        <Button size="xs" variant="light" mb="xs" onClick={inbox.refresh}>
          The list has changed: read it again
        </Button>
      )}
      {inbox.isPending && <Reading />}
      {isEmpty(inbox) && <Empty search={search} />}
      {inbox.items.length > 0 && <Lines inbox={inbox} focus={focus} selection={selection} />}
      <BatchBar selection={selection} onDecided={inbox.drop} />
      <KeysHelp opened={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </Page>
  );
}

interface KeysOptions {
  readonly focus: Focus;
  readonly selection: Selection;
  readonly field: () => void;
  readonly help: () => void;
}

function useInboxKeys({ focus, selection, field, help }: KeysOptions): void {
  const navigate = route.useNavigate();
  const { current } = focus;
  useKeys({
    j: () => focus.move(1),
    k: () => focus.move(-1),
    a: () => focus.begin('approve'),
    d: () => focus.begin('deny'),
    s: () => focus.begin('defer'),
    x: () => current && selection.isOffered && selection.toggle(current.id),
    o: () => current && void navigate({ to: '/requests/$id', params: { id: current.id } }),
    '/': field,
    '?': help,
  });
}

function isEmpty({ items, hasMore, isPending, error }: Inbox): boolean {
  return items.length === 0 && !hasMore && !isPending && !error;
}

function LastDone({ done: { text, request } }: { readonly done: Done }) {
  return (
    <p className={classes.done}>
      {request.action} on {request.target}: {text}{' '}
      <Link to="/requests/$id" params={{ id: request.id }}>
        See it
      </Link>
    </p>
  );
}

function HelpButton({ onClick }: { readonly onClick: () => void }) {
  return (
    <Group gap="xs" visibleFrom="sm">
      <Button size="compact-sm" variant="subtle" color="gray" onClick={onClick}>
        Shortcuts <kbd className={classes.key}>?</kbd>
      </Button>
    </Group>
  );
}

function Reading() {
  return (
    <Stack gap="xs" aria-busy="true" aria-label="Loading">
      {[0, 1, 2, 3].map((line) => (
        <Skeleton key={line} height={36} />
      ))}
    </Stack>
  );
}
