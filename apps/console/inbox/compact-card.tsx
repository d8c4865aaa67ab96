import { Button, Group, Skeleton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useRef, type ReactNode } from 'react';

import type { RequestSummary } from '../../../contract/requests.ts';
import { OpenedSections } from '../request/opened.tsx';
import { Failure } from '../shell/failure.tsx';
import { CardParts } from './card-parts.tsx';
import classes from './compact-card.module.css';
import { DecideForm } from './decide-form.tsx';
import type { Focus } from './use-focus.ts';
import { useShown, type Shown } from './use-shown.ts';

interface CompactCardProps {
  readonly item: RequestSummary;
  readonly focus: Focus;
}

/** What the open line would do, who asks and why they must decide, and the decision. */
export function CompactCard({ item, focus }: CompactCardProps) {
  const { shown, error, retry } = useShown(item.id);
  return (
    <div className={classes.card}>
      {error && <Failure error={error} retry={retry} />}
      {!shown && !error && (
        <div aria-busy="true" aria-label="Loading">
          <Skeleton height={14} width="60%" mb={8} />
          <Skeleton height={14} width="40%" />
        </div>
      )}
      {shown && (
        <OpenedSections digest={shown.answer.view_digest}>
          <CardParts shown={shown} />
          <Foot shown={shown} focus={focus} />
        </OpenedSections>
      )}
    </div>
  );
}

function Foot({ shown, focus }: { readonly shown: Shown; readonly focus: Focus }) {
  const { request } = shown;
  const place = useRef<HTMLDivElement>(null);
  if (request.status !== 'pending')
    return (
      <Group gap="sm" role="status">
        <span>This does not wait any more: it is {request.status}.</span>
        <Whole id={request.id} />
      </Group>
    );
  if (focus.act !== null) return <DecideForm key={focus.act} act={focus.act} shown={shown} focus={focus} />;
  return (
    <Group gap="xs" ref={place}>
      <Button size="sm" onClick={() => focus.begin('approve')}>
        Approve…
      </Button>
      <Button size="sm" variant="default" onClick={() => focus.begin('deny')}>
        Deny…
      </Button>
      <Button size="sm" variant="default" onClick={() => focus.begin('defer')}>
        Set aside…
      </Button>
      <Whole id={request.id} />
    </Group>
  );
}

function Whole({ id }: { readonly id: string }): ReactNode {
  return (
    <Button
      size="sm"
      variant="subtle"
      renderRoot={(props) => <Link to="/requests/$id" params={{ id }} {...props} />}
    >
      Whole request
    </Button>
  );
}
