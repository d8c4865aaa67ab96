import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import { duration } from '../../../domain/cards/words.ts';
import type { RequestSummary } from '../../../contract/requests.ts';
import type { UsualTimes } from '../../../contract/usual-times.ts';
import { get } from '../api/calls.ts';
import { Countdown } from '../shown/countdown.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import { BreakGlassPill, RiskPill, StatusPill } from '../shown/pills.tsx';
import { listed } from '../shown/words.ts';
import classes from './mine-page.module.css';
import { OwnQuestions } from './own-questions.tsx';

interface OwnRequestProps {
  readonly item: RequestSummary;
  readonly onWithdraw: () => void;
}

/** Until it begins it can be withdrawn, and questions about it answered. */
const WITHDRAWABLE: ReadonlySet<string> = new Set(['planning', 'pending', 'approved']);

/** One request of the person. */
export function OwnRequest({ item, onWithdraw }: OwnRequestProps) {
  const { id, action, target, environment, status, risk, summary } = item;
  return (
    <li className={classes.item}>
      <div className={classes.pills}>
        <StatusPill request={item} />
        {item.is_break_glass && <BreakGlassPill />}
        {risk && <RiskPill risk={risk} />}
      </div>
      <div className={classes.what}>
        <Link to="/requests/$id" params={{ id }} className={classes.link}>
          {action} on {target}
        </Link>
        <p className={classes.quiet}>
          {environment} · requested <Ago at={item.created_at} />
        </p>
        {summary !== null && (
          <p>
            <Foreign text={summary} />
          </p>
        )}
        {status === 'pending' && <Waiting item={item} />}
        {WITHDRAWABLE.has(status) && <OwnQuestions id={id} />}
      </div>
      {WITHDRAWABLE.has(status) && (
        <Button size="xs" variant="default" className={classes.withdraw} onClick={onWithdraw}>
          Withdraw…
        </Button>
      )}
    </li>
  );
}

/** Whom it waits for, until when, and how long that usually takes. */
function Waiting({ item }: { readonly item: RequestSummary }) {
  const { may_decide: selectors, expires_at: end, pending_since: since } = item;
  return (
    <dl className={classes.facts}>
      <dt>Can approve</dt>
      <dd>{selectors && selectors.length > 0 ? listed(selectors, 'or') : 'Nobody is named'}</dd>
      {since !== null && (
        <>
          <dt>Waiting since</dt>
          <dd>
            <Ago at={since} />
          </dd>
        </>
      )}
      <dt>Usually</dt>
      <dd>
        <Usual item={item} />
      </dd>
      {end !== null && (
        <>
          <dt>Expires in</dt>
          <dd>
            <Countdown to={end} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Usual({ item: { action, environment } }: { readonly item: RequestSummary }) {
  const { data } = useQuery({
    queryKey: ['usual-times', action, environment],
    queryFn: ({ signal }) => get<UsualTimes>('/v1/usual-times', { action, environment }, signal),
    staleTime: 600_000,
  });
  if (!data) return '…';
  const { median_ms: median, p90_ms: most } = data;
  if (median === null || most === null) return 'Too few were decided lately to tell';
  return `decided within ${duration(median)}; nine of ten within ${duration(most)}`;
}
