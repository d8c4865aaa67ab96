import { Button, Group, Skeleton, VisuallyHidden } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';

import type { RequestSummary } from '../../../contract/requests.ts';
import { offerOf } from '../request/acting.ts';
import { DecisionDialog } from '../request/decision-dialog.tsx';
import { OpenedSections, useOpened } from '../request/opened.tsx';
import { shownQuery } from '../request/shown-query.ts';
import type { Shown } from '../request/view.ts';
import { useSession } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { statusWords } from '../shown/pills.tsx';
import { CardParts } from './card-parts.tsx';
import classes from './compact-card.module.css';
import type { Act, Focus } from './use-focus.ts';

interface CompactCardProps {
  readonly item: RequestSummary;
  readonly focus: Focus;
}

/** What the open line would do, who asks and why they must decide, and the decision. */
export function CompactCard({ item, focus }: CompactCardProps) {
  const { data: shown, error, refetch } = useQuery(shownQuery(item.id));
  return (
    <section className={classes.card} aria-label={`${item.action} on ${item.target}`}>
      <VisuallyHidden component="h2">What it would do</VisuallyHidden>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!shown && !error && (
        <div aria-busy="true" aria-label="Loading">
          <Skeleton height={14} width="60%" mb={8} />
          <Skeleton height={14} width="40%" />
        </div>
      )}
      {shown && (
        <OpenedSections digest={shown.viewDigest}>
          <CardParts card={shown.card} />
          <Foot shown={shown} focus={focus} />
          {focus.act && <Decision act={focus.act} shown={shown} focus={focus} />}
        </OpenedSections>
      )}
    </section>
  );
}

const BUTTONS: readonly (readonly [Act, string])[] = [
  ['approve', 'Approve…'],
  ['deny', 'Deny…'],
  ['defer', 'Defer…'],
];

function Foot({ shown: { request, refusals }, focus }: { readonly shown: Shown; readonly focus: Focus }) {
  const { person } = useSession();
  const { acts, because } = offerOf(request, refusals, person);
  return (
    <>
      {request.status !== 'pending' && (
        <p role="status" className={classes.because}>
          This does not wait any more: it is {statusWords(request)}.
        </p>
      )}
      {because !== null && <p className={classes.because}>{because}</p>}
      <Group gap="xs">
        {BUTTONS.filter(([act]) => acts.includes(act)).map(([act, label]) => (
          <Button
            key={act}
            size="sm"
            variant={act === 'approve' ? 'filled' : 'default'}
            onClick={() => focus.begin(act)}
          >
            {label}
          </Button>
        ))}
        <Button
          size="sm"
          variant="subtle"
          renderRoot={(props) => <Link to="/requests/$id" params={{ id: request.id }} {...props} />}
        >
          Whole request
        </Button>
      </Group>
    </>
  );
}

interface DecisionProps {
  readonly act: Act;
  readonly shown: Shown;
  readonly focus: Focus;
}

/** The dialog over what was shown when it was opened, for what is offered to this person. */
function Decision({ act, shown: current, focus }: DecisionProps) {
  const { person } = useSession();
  const opened = useOpened();
  const [shown] = useState(current);
  const isOffered = offerOf(shown.request, shown.refusals, person).acts.includes(act);
  const { cancel, done } = focus;
  useEffect(() => {
    if (!isOffered) cancel();
  }, [isOffered, cancel]);
  if (!isOffered) return null;
  return (
    <DecisionDialog
      act={act}
      shown={shown}
      current={current}
      opened={opened}
      onClose={cancel}
      onDone={(text) => done({ text, request: shown.request })}
    />
  );
}
