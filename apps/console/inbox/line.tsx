import { Checkbox, UnstyledButton } from '@mantine/core';
import { memo, useEffect, useRef } from 'react';

import type { RequestSummary } from '../../../contract/requests.ts';
import { Countdown } from '../shown/countdown.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { BreakGlassPill, RiskPill } from '../shown/pills.tsx';
import { CompactCard } from './compact-card.tsx';
import classes from './line.module.css';
import { requesterOf, seatsOf } from './words.ts';
import type { Focus } from './use-focus.ts';
import type { Selection } from './use-selection.ts';

interface LineProps {
  readonly item: RequestSummary;
  readonly focus: Focus;
  readonly selection: Selection;
}

/** One request on one line; opened, what it would do and what can be done about it. Scrolling does not draw it again. */
export const Line = memo(function Line({ item, focus, selection }: LineProps) {
  const { id } = item;
  const isOpen = focus.isOpen(id);
  const button = useRef<HTMLButtonElement>(null);
  const isCurrent = focus.isCurrent(id);
  const { wish, granted, act } = focus;
  // The keys move the focus, and it comes back to the line when a dialog over it was closed.
  useEffect(() => {
    if (!isCurrent || wish === granted.current || act !== null) return;
    granted.current = wish;
    button.current?.focus({ preventScroll: true });
  }, [isCurrent, wish, granted, act]);
  return (
    <div className={classes.line} data-current={isCurrent || undefined} data-open={isOpen || undefined}>
      <div className={classes.head}>
        {selection.isOffered && (
          <Checkbox
            size="sm"
            className={classes.pick}
            aria-label={`Pick ${item.action} on ${item.target}`}
            checked={selection.has(id)}
            disabled={selection.isFull && !selection.has(id)}
            onChange={() => selection.toggle(id)}
          />
        )}
        <UnstyledButton
          ref={button}
          className={classes.button}
          aria-expanded={isOpen}
          onClick={() => focus.toggle(id)}
        >
          <Facts item={item} />
        </UnstyledButton>
      </div>
      {isOpen && <CompactCard item={item} focus={focus} />}
    </div>
  );
});

function Facts({ item }: { readonly item: RequestSummary }) {
  const { action, target, environment, risk, summary, expires_at: expiresAt } = item;
  const seats = seatsOf(item);
  return (
    <>
      <span className={classes.risk}>
        {item.is_break_glass && <BreakGlassPill />}
        {risk && <RiskPill risk={risk} />}
      </span>
      <span className={classes.what}>
        <span className={classes.summary} title={summary ?? undefined}>
          <Foreign text={summary ?? action} />
        </span>
        <span className={classes.where} title={`${action} on ${target} (${environment})`}>
          <strong>{target}</strong> ({environment}) · {action}
        </span>
      </span>
      <span className={classes.who}>
        <Foreign text={requesterOf(item)} />
      </span>
      <span className={classes.seats}>{seats && `${seats.filled} of ${seats.quorum}`}</span>
      <span className={classes.left}>
        {expiresAt && (
          <>
            <span className={classes.forReaders}>expires in </span>
            <Countdown to={expiresAt} />
          </>
        )}
      </span>
    </>
  );
}
