import { Link } from '@tanstack/react-router';

import { Copyable } from '../shown/copyable.tsx';
import { Countdown } from '../shown/countdown.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Ago, Instant } from '../shown/instant.tsx';
import { BreakGlassPill, RiskPill, StatusPill } from '../shown/pills.tsx';
import { endingOf } from './ending.ts';
import { Note } from './note.tsx';
import { REVIEW_ACTION } from './lineage-graph.ts';
import classes from './request-head.module.css';
import type { RequestView, Shown } from './view.ts';

/** What matters first: how it stands, how risky it is, who wants what where, and how long there is. */
export function RequestHead({ shown: { card, request } }: { readonly shown: Shown }) {
  const [requester] = card.lineage;
  return (
    <div className={classes.head}>
      <div className={classes.pills}>
        <StatusPill request={request} />
        {card.request.is_break_glass && <BreakGlassPill />}
        {card.risk && <RiskPill risk={card.risk.tier} />}
        {request.round > 1 && <span className="keyturn-quiet">round {request.round}</span>}
        {request.status === 'pending' && request.expires_at !== null && (
          <span className={classes.deadline}>
            expires in <Countdown to={request.expires_at} />
          </span>
        )}
      </div>
      <p className={classes.who}>
        <strong>{requester && <Foreign text={requester.name ?? requester.subject} />}</strong>
        {' requested '}
        <code>{card.request.action}</code>
        {' on '}
        <strong>{card.request.target}</strong> ({card.request.environment}) <Ago at={request.created_at} />
      </p>
      <Copyable text={request.id} what="id of the request" />
    </div>
  );
}

/** What changes how everything below is to be read. */
export function Notices({ shown: { card, request } }: { readonly shown: Shown }) {
  return (
    <>
      <Ended request={request} />
      {card.request.is_break_glass && card.request.action !== REVIEW_ACTION && (
        <Note tone="bad" title="Break-glass">
          Fewer people have to approve, and everybody who can become a reviewer was notified.{' '}
          {request.review ? (
            <>
              It is reviewed in{' '}
              <Link to="/requests/$id" params={{ id: request.review.id }}>
                {request.review.id}
              </Link>{' '}
              ({request.review.status}).
            </>
          ) : (
            'It is reviewed afterwards.'
          )}
        </Note>
      )}
      <Reviewed shown={{ card, request }} />
      <Held shown={{ card, request }} />
    </>
  );
}

type Part = Pick<Shown, 'card' | 'request'>;

/** A review asks about another request. */
function Reviewed({ shown: { card } }: { readonly shown: Part }) {
  const reviewed = card.arguments?.['request'];
  if (card.request.action !== REVIEW_ACTION || typeof reviewed !== 'string') return null;
  return (
    <Note tone="plain" title="What you decide">
      Was it right to use break-glass for{' '}
      <Link to="/requests/$id" params={{ id: reviewed }}>
        <Foreign text={reviewed} />
      </Link>
      ? Read that request first. Approve if it was right, deny if it was not: either answer is kept in the
      audit log, and neither undoes what was done.
    </Note>
  );
}

function Held({ shown: { card, request } }: { readonly shown: Part }) {
  const freezes = request.freezes ?? [];
  const heldUntil = request.status === 'approved' ? request.held_until : null;
  if (card.request.start === null && freezes.length === 0 && heldUntil === null) return null;
  return (
    <Note tone="warning" title="It does not start at once">
      <StartWindow start={card.request.start} />
      {freezes.map(({ id, title, until }) => (
        <p key={id} className={classes.line}>
          <Foreign text={title} /> ({id}) until <Instant at={until} isWhole />: what is approved starts after
          it.
        </p>
      ))}
      {heldUntil !== null && (
        <p className={classes.line}>
          It starts no earlier than <Instant at={heldUntil} isWhole />.
        </p>
      )}
    </Note>
  );
}

function StartWindow({ start }: { readonly start: Part['card']['request']['start'] }) {
  return (
    <>
      {start?.not_before && (
        <p className={classes.line}>
          Not before <Instant at={start.not_before} isWhole />, as the requester set it.
        </p>
      )}
      {start?.not_after && (
        <p className={classes.line}>
          Not after <Instant at={start.not_after} isWhole />: what is not approved by then expires.
        </p>
      )}
    </>
  );
}

/** How it ended, and why. */
function Ended({ request }: { readonly request: RequestView }) {
  const ending = endingOf(request);
  return (
    ending && (
      <Note tone={ending.tone} title={ending.title}>
        <Foreign text={ending.text} hasLines />
      </Note>
    )
  );
}
