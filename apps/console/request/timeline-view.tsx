import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import type { Timeline } from '../../../contract/history.ts';
import { get } from '../api/calls.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { Failure } from '../shell/failure.tsx';
import { Section } from './section.tsx';
import { StateSlider } from './state-slider.tsx';
import classes from './timeline-view.module.css';
import type { RequestView } from './view.ts';
import { WorkflowEventsView } from './workflow-events-view.tsx';

type Entry = Timeline['items'][number];

/** The audit entries, the oldest first; below them the way to what Temporal knows. */
export function TimelineView({ request }: { readonly request: RequestView }) {
  const { id, version, temporal_ui_url: temporal } = request;
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['request', id, 'timeline', version],
    queryFn: ({ signal }) => get<Timeline>(`/v1/requests/${encodeURIComponent(id)}/timeline`, {}, signal),
    placeholderData: (before) => before,
  });
  return (
    <Section title="What happened" aside="Audit entries, one chain">
      {isPending && <Loader size="xs" m="sm" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <StateSlider entries={data.items} />}
      <ol className={classes.entries}>
        {data?.items.map((entry) => (
          <EntryView key={entry.n} entry={entry} />
        ))}
      </ol>
      {data && <WorkflowEventsView id={id} version={version} link={temporal ?? null} />}
    </Section>
  );
}

function EntryView({ entry }: { readonly entry: Entry }) {
  const { at, actor, text, grade, type, facts, parts } = entry;
  const details = { ...facts, ...parts };
  const hasDetails = Object.keys(details).length > 0;
  return (
    <li className={classes.entry}>
      <span className={classes.at}>
        <Instant at={at} />
      </span>
      <div className={classes.what}>
        {actor.kind !== 'system' && (
          <strong>
            <Foreign text={actor.name ?? (actor.kind === 'agent' ? 'An agent' : 'A person')} />:{' '}
          </strong>
        )}
        <Foreign text={text} />
        {grade !== undefined && <span className="keyturn-quiet"> grade {grade}</span>}
        {hasDetails && (
          <details className={classes.details}>
            <summary>
              Entry {entry.n}, <code>{type}</code>
            </summary>
            <pre tabIndex={0} aria-label={`Entry ${entry.n}`}>
              <Foreign text={JSON.stringify(details, null, 2)} hasLines />
            </pre>
          </details>
        )}
      </div>
    </li>
  );
}
