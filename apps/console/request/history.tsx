import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import type { RequestPage, RequestSummary } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import { StatusPill } from '../shown/pills.tsx';
import { grouped } from '../shown/words.ts';
import { Failure } from '../shell/failure.tsx';
import classes from './history.module.css';
import { Section } from './section.tsx';
import type { RequestView } from './view.ts';

/** The same, asked before and not approved: asking again until somebody agrees must not look like the first time. */
export function EarlierRefusals({ request }: { readonly request: RequestView }) {
  const earlier = request.earlier_refusals;
  if (!earlier) return null;
  const { count, withdrawn, latest } = earlier;
  return (
    <Section
      title={`The same was requested ${count === 1 ? 'once' : `${grouped(count)} times`} before, and nobody approved it`}
      aside={withdrawn === 0 ? undefined : `${grouped(withdrawn)} withdrawn before anybody decided`}
    >
      <ul className={classes.list}>
        {latest.map(({ id }) => (
          <EarlierRefusal key={id} id={id} />
        ))}
      </ul>
      {count > latest.length && (
        <p className={classes.more}>
          {grouped(latest.length)} of {grouped(count)} shown
        </p>
      )}
    </Section>
  );
}

/** One of them with what people said. */
function EarlierRefusal({ id }: { readonly id: string }) {
  const { data } = useQuery({
    queryKey: ['request', id, 'earlier'],
    queryFn: ({ signal }) => get<RequestView>(`/v1/requests/${encodeURIComponent(id)}`, {}, signal),
  });
  const said = (data?.decisions ?? []).filter(
    ({ outcome, reason }) => outcome === 'counted' && reason !== null,
  );
  return (
    <li>
      {data ? (
        <Line request={data} />
      ) : (
        <Link to="/requests/$id" params={{ id }}>
          {id}
        </Link>
      )}
      {said.map(({ id: decision, person_name: name, person, reason }) => (
        <blockquote key={decision} className={classes.said}>
          <Foreign text={reason ?? ''} hasLines />
          <footer className="keyturn-quiet">
            <Foreign text={name ?? person ?? 'a person'} />
          </footer>
        </blockquote>
      ))}
    </li>
  );
}

const OTHERS_SHOWN = 5;

/** What else was requested on the same target. */
export function OnSameTarget({ request }: { readonly request: RequestView }) {
  const { id, target } = request;
  const { data, error, isPending } = useQuery({
    queryKey: ['list', 'target', target],
    queryFn: ({ signal }) => get<RequestPage>('/v1/requests', { target, limit: OTHERS_SHOWN + 1 }, signal),
  });
  const others = (data?.items ?? []).filter((other) => other.id !== id).slice(0, OTHERS_SHOWN);
  return (
    <Section
      title={`Other requests on ${target}`}
      aside={
        <Link to="/requests" search={{ target }} className={classes.all}>
          All of them
        </Link>
      }
    >
      {isPending && <Loader size="xs" m="sm" />}
      {error && <Failure error={error} />}
      {data && others.length === 0 && <p className={classes.more}>There are no others that you may see.</p>}
      <ul className={classes.list}>
        {others.map((other) => (
          <li key={other.id}>
            <Line request={other} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Line({ request }: { readonly request: RequestSummary }) {
  const { id, action, summary, created_at: createdAt } = request;
  return (
    <div className={classes.line}>
      <StatusPill request={request} />
      <Link to="/requests/$id" params={{ id }} className={classes.link}>
        <Foreign text={summary ?? action} />
      </Link>
      <span className="keyturn-quiet">
        <Ago at={createdAt} />
      </span>
    </div>
  );
}
