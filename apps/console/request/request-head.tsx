import { Alert } from '@mantine/core';
import { Link } from '@tanstack/react-router';

import { Copyable } from '../shown/copyable.tsx';
import { Countdown } from '../shown/countdown.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Ago, Instant } from '../shown/instant.tsx';
import { BreakGlassPill, RiskPill, StatusPill } from '../shown/pills.tsx';
import { REVIEW_ACTION } from './lineage-graph.ts';
import classes from './request-head.module.css';
import { resultText } from './result.ts';
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
        <Alert color="red" variant="light" title="Break-glass">
          Fewer people have to approve, and everybody who could be asked to review was notified.{' '}
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
        </Alert>
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
    <Alert variant="light" title="What you decide">
      Was it right to use break-glass for{' '}
      <Link to="/requests/$id" params={{ id: reviewed }}>
        <Foreign text={reviewed} />
      </Link>
      ? Read that request first. Approve if it was right, deny if it was not: either answer is kept in the
      audit log, and neither undoes what was done.
    </Alert>
  );
}

function Held({ shown: { card, request } }: { readonly shown: Part }) {
  const start = card.request.start;
  const freezes = request.freezes ?? [];
  if (start === null && freezes.length === 0 && request.held_until === null) return null;
  return (
    <Alert color="yellow" variant="light" title="It does not start at once">
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
      {freezes.map(({ id, title, until }) => (
        <p key={id} className={classes.line}>
          <Foreign text={title} /> ({id}) until <Instant at={until} isWhole />: what is approved starts after
          it.
        </p>
      ))}
      {request.status === 'approved' && request.held_until !== null && (
        <p className={classes.line}>
          It starts no earlier than <Instant at={request.held_until} isWhole />.
        </p>
      )}
    </Alert>
  );
}

/** How it ended, and why. */
function Ended({ request }: { readonly request: RequestView }) {
  const { status, failure, denied_by: deniedBy, matched_rules: rules } = request;
  const result = resultText(request.result);
  if (result !== null)
    return (
      <Alert color="green" variant="light" title="Result">
        <Foreign text={result} />
      </Alert>
    );
  if (status === 'indeterminate')
    return (
      <Alert color="red" variant="light" title="It is not known whether it took effect">
        It was started, and no outcome came back. Somebody has to look at the target and report it with{' '}
        <code>keyturn.resolve</code>. Until then it is never run again.
      </Alert>
    );
  const cause = failure?.detail ?? CAUSES[failure?.code ?? ''];
  if (cause !== undefined)
    return (
      <Alert
        color="red"
        variant="light"
        title={failure?.code === 'target_error' ? 'The target refused it' : 'Why it ended'}
      >
        <Foreign text={cause} hasLines />
      </Alert>
    );
  if (status === 'denied' && deniedBy === 'policy')
    return (
      <Alert color="red" variant="light" title="Denied by policy">
        {rules === null
          ? 'The rule is not shown to you: it may follow from data of the target. Reviewers and operators see it.'
          : rules.length === 0
            ? 'No rule allows this action or sends it to review.'
            : 'The rules that forbid it are named below.'}
      </Alert>
    );
  return null;
}

const CAUSES: Readonly<Record<string, string>> = {
  switched_off: 'A kill switch stopped it. No rule of policy did.',
  target_removed: 'Its target was removed from the catalogue.',
  requester_inactive: 'Its requester, or somebody behind it, is no longer active.',
  target_error: 'Why is not shown to you. Reviewers and operators see the cause.',
};
